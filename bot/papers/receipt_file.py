"""A receipt as the file of one form; what makes a page is loaded when one is asked for."""

from bot.facts.receipt import Form, ReceiptFacts
from bot.papers.receipt_json import receipt_json_bytes


def receipt_file(found: ReceiptFacts, form: Form) -> bytes:
    """The bytes of the file."""
    if form is Form.JSON:
        return receipt_json_bytes(found)
    from bot.papers.receipt_pdf import receipt_pdf  # noqa: PLC0415 - it takes memory and time

    return receipt_pdf(found)
