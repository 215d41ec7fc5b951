"""What a browser is called on a page and in a mail."""

_OTHER_BROWSER = "Een andere browser"
# In this order: most browsers also call themselves by the names of others.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "een iPhone"),
    ("iPad", "een iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "een Mac"),
    ("Linux", "Linux"),
)


def browser_name(agent: str) -> str:
    """Return a browser in words (`Firefox op Windows`), from our own words only, whatever it calls itself."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), _OTHER_BROWSER)
    system = next((name for mark, name in _SYSTEMS if mark in agent), None)
    return f"{browser} op {system}" if system else browser
