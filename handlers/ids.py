"""Every action, block and callback id; they live on in posted messages, so none is ever reused."""

# Looking: /lapse list, show, upcoming, help, requests, status
HELP = "look.help"
LIST = "look.list"
LIST_PAGE = "look.list.page"
LIST_PREVIOUS = "look.list.previous"
LIST_SEARCH = "look.list.search"
LIST_CLEAR = "look.list.clear"
OPEN_SUBSCRIPTION = "look.open"
SHOW = "look.show"
HISTORY = "look.history"
UPCOMING = "look.upcoming"
UPCOMING_SPANS = ("look.upcoming.7", "look.upcoming.30", "look.upcoming.90")
MY_REQUESTS = "look.requests"
OPEN_REQUEST = "look.requests.open"
STATUS = "look.status"
OPEN_LINK = "look.link"
CHECK_AGAIN = "home.check"
HOME_SHOW_ALL = "home.all"

# Turning auto-renewal off from /lapse show and /lapse autorenew off
AUTORENEW_OFF = "autorenew.off"
AUTORENEW_OFF_SEVERAL = "autorenew.off.several"
AUTORENEW_FORM = "autorenew.form"
AUTORENEW_TICKS = "autorenew.ticks"
AUTORENEW_TICKED = "autorenew.ticked"
