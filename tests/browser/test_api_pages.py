"""The pages about the API as a browser shows them: without a script, and on a narrow screen."""

from collections.abc import Callable

from tests.browser.conftest import CheckedPerson

Person = Callable[[str | None], CheckedPerson]


def test_a_developer_reads_how_to_use_the_api_and_what_went_wrong(person: Person) -> None:
    developer = person(None)
    developer.open("/")
    developer.page.get_by_role("link", name="API", exact=True).click()
    developer.page.get_by_text("Wat er mis kan gaan bij GET /sleutel").click()
    developer.check("api")
    developer.page.get_by_role("link", name="Te veel verzoeken").first.click()
    assert developer.page.get_by_role("heading", level=1).inner_text() == "Te veel verzoeken"
    developer.check("api-problem")
    developer.page.get_by_role("link", name="Alle problemen").click()
    developer.check("api-problems")
