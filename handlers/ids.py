"""Every action, block and callback id; they live on in posted messages, so none is ever reused."""

# Looking: /lapse list, show, upcoming, help, requests, reminders, status
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
SAVINGS = "savings.open"
SAVINGS_GROUPS = tuple(f"savings.group.{place}" for place in range(4))
UPCOMING_SPANS = ("look.upcoming.7", "look.upcoming.30", "look.upcoming.90")
MY_REQUESTS = "look.requests"
OPEN_REQUEST = "look.requests.open"
STATUS = "look.status"
REMINDERS_EVERYWHERE = "look.reminders.all"
REMINDERS_PAGE = "look.reminders.page"
REMINDERS_PREVIOUS = "look.reminders.previous"
OPEN_LINK = "look.link"
SHOW_FIGURES = "look.figures"
CHECK_AGAIN = "home.check"
HOME_SHOW_ALL = "home.all"

# Turning auto-renewal off and on from /lapse show and /lapse autorenew
AUTORENEW_OFF = "autorenew.off"
AUTORENEW_OFF_SEVERAL = "autorenew.off.several"
AUTORENEW_FORM = "autorenew.form"
AUTORENEW_TICKS = "autorenew.ticks"
AUTORENEW_TICKED = "autorenew.ticked"
AUTORENEW_ON = "autorenew.on"
AUTORENEW_ASK = "autorenew.ask"

# Asking to unsubscribe: the modal, and the same form in a message
UNSUBSCRIBE = "unsubscribe.open"
UNSUBSCRIBE_MENU = "unsubscribe.which"
UNSUBSCRIBE_FORM = "unsubscribe.form"
UNSUBSCRIBE_SEND = "unsubscribe.send"
UNSUBSCRIBE_AS_FORM = "unsubscribe.as-form"
UNSUBSCRIBE_TRY_AGAIN = "unsubscribe.try-again"
SCOPE = "unsubscribe.scope"
PACKAGES = "unsubscribe.packages"
REASON = "unsubscribe.reason"
DETAILS = "unsubscribe.details"
FEE = "unsubscribe.fee"
WORKING = "unsubscribe.working"
WAYS = "unsubscribe.ways"
GIVE_BACK = "unsubscribe.give-back"

# Deciding about a request, and what follows
APPROVE = "request.approve"
REJECT = "request.reject"
REJECT_FORM = "request.reject.form"
BREAK_GLASS = "request.break-glass"
BREAK_GLASS_FORM = "request.break-glass.form"
REQUEST_MENU = "request.menu"
WITHDRAW = "request.withdraw"
STOP = "request.stop"
ASK_AGAIN = "request.ask-again"
RETRY = "request.retry"
LOOK_NOW = "request.look-now"
BY_HAND = "request.by-hand"
BY_HAND_FORM = "request.by-hand.form"
LEAVE = "request.leave"
LEAVE_FORM = "request.leave.form"
REVIEW = "request.review"
REVIEW_FORM = "request.review.form"
REVIEW_SWITCH = "request.review.switch"
REQUEST_WORKING = "request.working"
RECEIPT = "request.receipt"
WHY = "request.why"
EVIDENCE = "request.evidence"
EVIDENCE_FILE = "request.evidence.file"

# What a person carries out by hand
CHECKLIST_DONE = "checklist.done"
CHECKLIST_DONE_FORM = "checklist.done.form"
CHECKLIST_GONE = "checklist.gone"
CHECKLIST_STILL = "checklist.still"
CHECKLIST_STILL_FORM = "checklist.still.form"
CHECKLIST_ITEMS = "checklist.items"
CHECKLIST_GROUPS = (CHECKLIST_ITEMS, *(f"checklist.items.{place}" for place in range(2, 51)))

# Deciding for somebody else
DELEGATE = "delegate.open"
DELEGATE_FORM = "delegate.form"
DELEGATE_TO = "delegate.to"
DELEGATE_FIRST = "delegate.first"
DELEGATE_LAST = "delegate.last"
DELEGATE_WHY = "delegate.why"
DELEGATION_END = "delegate.end"

# Settling a reminder
REMINDER_OFF = "reminder.off"
REMINDER_OFF_SEVERAL = "reminder.off.several"
REMINDER_OFF_FORM = "reminder.off.form"
REMINDER_ON = "reminder.on"
REMINDER_TICKS = "reminder.ticks"
REMINDER_UNSUBSCRIBE = "reminder.unsubscribe"
REMINDER_KEEP = "reminder.keep"
REMINDER_UNDO_KEEP = "reminder.keep.undo"
REMINDER_SNOOZE = "reminder.snooze"
REMINDER_SNOOZE_FORM = "reminder.snooze.form"
REMINDER_SNOOZE_UNTIL = "reminder.snooze.until"
REMINDER_SNOOZE_DAY = "reminder.snooze.day"
REMINDER_MENU = "reminder.menu"
REMINDER_SHOW_ALL = "reminder.show-all"
REMINDER_REST_PAGE = "reminder.rest.page"
REMINDER_REST_PREVIOUS = "reminder.rest.previous"

# The tour of the demo
TOUR_SKIP = "tour.skip"

# What a person's Home may show differently afterwards
CHANGING = frozenset(
    {
        APPROVE,
        AUTORENEW_ASK,
        AUTORENEW_OFF,
        CHECKLIST_GONE,
        REMINDER_KEEP,
        REMINDER_MENU,
        REMINDER_OFF,
        REMINDER_UNDO_KEEP,
        RETRY,
        REVIEW_SWITCH,
        STOP,
        UNSUBSCRIBE_SEND,
        WITHDRAW,
    }
)
