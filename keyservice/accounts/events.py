"""Events of people and their rights."""

from keyservice.audit import define

ACCOUNT_CREATED = define("account:create", "Een account is gemaakt.", fields="account audience", private="name email")
GRANT_GIVEN = define("grant:give", "Een rol is gegeven.", fields="account role until")
PORTFOLIO_GIVEN = define(
    "portfolio:give", "Een gemeente is aan een relatiebeheerder toegewezen.", fields="account until"
)
LOGGED_IN = define("account:login", "Iemand heeft ingelogd.", fields="factors")
LOGGED_OUT = define("account:logout", "Iemand heeft uitgelogd.")
LOGIN_REFUSED = define("account:refuse-login", "Een poging om in te loggen is geweigerd.", fields="account")
CONFIRMED_IDENTITY = define("account:step-up", "Iemand heeft bevestigd wie hij is.", fields="factor")
STEP_UP_REFUSED = define("account:refuse-step-up", "Iemand kon niet bevestigen wie hij is.", fields="factor")
INVITED = define(
    "invitation:propose", "Iemand is uitgenodigd.", fields="role until second_needed", private="name email"
)
INVITATION_SENT = define("invitation:send", "Een uitnodiging is verstuurd.", fields="role")
INVITATION_CONFIRMED = define(
    "invitation:confirm", "Een tweede medewerker van DUO heeft een uitnodiging bevestigd.", fields="role called"
)
INVITATION_OPENED = define("invitation:open", "De code van een uitnodiging is goed ingevuld.", fields="role")
INVITATION_ACCEPTED = define("invitation:accept", "Een uitnodiging is aanvaard.", fields="account role")
INVITATION_WITHDRAWN = define("invitation:withdraw", "Een uitnodiging is ingetrokken.", fields="role")
INVITATION_LAPSED = define("invitation:lapse", "Een uitnodiging bleef te lang liggen en is vervallen.", fields="role")
GRANT_ENDED = define("grant:end", "Een rol is beëindigd.", fields="account role")
GRANT_REVIEWED = define("grant:review", "Bij de controle bleek een rol nog nodig.", fields="account role")
REVIEW_REMINDED = define("grant:remind-review", "De jaarlijkse controle van de rollen is te laat.")
RESET_PROPOSED = define("factor-reset:propose", "Iemand wil inlogmiddelen laten weghalen.", fields="account")
RESET_CONFIRMED = define(
    "factor-reset:confirm", "Een tweede medewerker van DUO heeft inlogmiddelen weggehaald.", fields="account called"
)
RESET_WITHDRAWN = define("factor-reset:withdraw", "Inlogmiddelen worden toch niet weggehaald.", fields="account")
RESET_LAPSED = define(
    "factor-reset:lapse", "Een voorstel om inlogmiddelen weg te halen bleef te lang liggen.", fields="account"
)
PORTFOLIO_ENDED = define("portfolio:end", "Een gemeente hoort niet meer bij een relatiebeheerder.", fields="account")
PORTFOLIO_HANDED_OVER = define(
    "portfolio:hand-over", "Een gemeente is aan een andere relatiebeheerder overgedragen.", fields="account previous"
)
FACTOR_ADDED = define("factor:add", "Iemand heeft een inlogmiddel toegevoegd.", fields="account factor", private="name")
FACTOR_REMOVED = define(
    "factor:remove", "Iemand heeft een inlogmiddel verwijderd.", fields="account factor", private="name"
)
FACTOR_REFUSED = define("factor:refuse", "Een tweede inlogstap is geweigerd.", fields="account factor")
RECOVERY_CODES_MADE = define("factor:make-recovery-codes", "Iemand heeft herstelcodes gemaakt.", fields="account")
RECOVERY_CODE_USED = define("factor:use-recovery-code", "Een herstelcode is gebruikt.", fields="account left")
OIDC_BOUND = define(
    "account:bind-oidc",
    "Inloggen via een inlogdienst is aan een account gekoppeld.",
    fields="account issuer",
    private="identity",
)
SESSION_ENDED = define("account:end-session", "Iemand heeft eigen sessies beëindigd.", fields="others")
NEW_DEVICE = define("account:new-device", "Iemand logde voor het eerst in met deze browser.")
PASSWORD_CHANGED = define("account:change-password", "Iemand heeft het eigen wachtwoord veranderd.")
