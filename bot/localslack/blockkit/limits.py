"""Slack's published figures for messages, modals and Home.

Every figure names the page of docs.slack.dev it comes from; `[mem]` marks what is well known but
was not read again, `[issue]` what Slack's maintainers said in public threads. What each element
and block may hold stands in `element_shapes` and `block_shapes`.
"""

from types import MappingProxyType
from typing import Final

# reference/block-kit/blocks: blocks per surface
BLOCKS_PER: Final = MappingProxyType({"message": 50, "modal": 100, "home": 100})
# methods/chat.postMessage: cut above; methods/chat.update: refused above
TEXT_CUT: Final = 40_000
UPDATE_TEXT_MOST: Final = 4_000
# reference/block-kit/blocks/markdown-block: all markdown blocks of one payload together
MARKDOWN_SUM: Final = 12_000
# [issue] bolt-js 2509: "12,000 text characters with a buffer"; the exact sum is not published
BLOCKS_TEXT_SUM: Final = 12_000
# methods/views.push: view_too_large, in bytes of UTF-8 JSON
VIEW_BYTES: Final = 250_000
# [mem] metadata_too_large; the exact figure is not published
METADATA_BYTES: Final = 16_000
# surfaces/modals: views open on top of each other
VIEW_STACK: Final = 3
# reference/block-kit/blocks: one of them per message
TABLES_PER_MESSAGE: Final = 1
CHARTS_PER_MESSAGE: Final = 2
# reference/block-kit/blocks/data-table-block: characters in all cells of a message
DATA_TABLE_CHARACTERS: Final = 20_000
# interactivity/handling-user-interaction
RESPONSE_URL_USES: Final = 5
RESPONSE_URL_SECONDS: Final = 30 * 60

ID_MOST: Final = 255  # block_id, action_id, callback_id, external_id
OPTION_TEXT: Final = 75
OPTION_VALUE: Final = 150
SELECT_OPTIONS: Final = 100
