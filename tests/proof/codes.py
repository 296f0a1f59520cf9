"""The error codes that Slack publishes for chat.postMessage, and one that it does not.

Those of its page and of the pages that all methods share; kept apart from what the product knows,
so that a code which nobody thought of is drawn like any other.
"""

from handlers.refusals import CLOSED, LOCKED_OUT, PERHAPS_DONE, RATE_LIMITED, REFUSED_HERE

INVENTED = "refused_by_a_rule_of_next_year"

_TEXT = """
access_denied accesslimited account_inactive as_user_not_supported
attachment_payload_limit_exceeded cannot_reply_to_message channel_not_found
deprecated_endpoint duplicate_channel_not_found duplicate_message_not_found ekm_access_denied
enterprise_is_restricted fatal_error internal_error invalid_arg_name invalid_arguments
invalid_array_arg invalid_auth invalid_blocks invalid_blocks_format invalid_charset
invalid_form_data invalid_json invalid_metadata_format invalid_metadata_schema
invalid_post_type is_archived json_not_object markdown_text_conflict message_limit_exceeded
messages_tab_disabled metadata_must_be_sent_from_app metadata_too_large method_deprecated
missing_post_type missing_scope msg_blocks_too_long msg_too_long no_permission no_text
not_allowed_token_type not_authed not_in_channel org_login_required rate_limited ratelimited
request_timeout restricted_action restricted_action_non_threadable_channel
restricted_action_read_only_channel restricted_action_thread_locked
restricted_action_thread_only_channel service_unavailable slack_connect_blocked_file_type
slack_connect_canvas_sharing_blocked slack_connect_clip_sharing_blocked
slack_connect_file_link_sharing_blocked slack_connect_file_upload_sharing_blocked
slack_connect_lists_sharing_blocked team_access_not_granted team_added_to_org token_expired
token_revoked too_many_attachments too_many_contact_cards two_factor_setup_required
"""
PUBLISHED = frozenset(_TEXT.split())

_ALL = PUBLISHED | CLOSED | REFUSED_HERE | LOCKED_OUT | {INVENTED}

OF_A_CHANNEL = sorted(_ALL - RATE_LIMITED - PERHAPS_DONE - LOCKED_OUT)
"""What one channel may answer to everything."""

OF_A_WORKSPACE = sorted(_ALL - REFUSED_HERE)
"""What a workspace may answer to everything; a message that no channel takes is given up."""

DRAWN = sorted({*OF_A_CHANNEL, *OF_A_WORKSPACE})
"""Every code that a life may hear."""
