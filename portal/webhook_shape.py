"""The providers' doors as the API's description tells of them, with every answer they give."""

from typing import Any

from payments import webhooks
from portal.problem import described

_TAKEN = {
    "description": "Kept, durably, or known already. A test call is answered so too and leaves nothing behind.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["success"],
                "properties": {"success": {"type": "boolean", "const": True}},
            }
        }
    },
}
_ANSWERS = {
    200: _TAKEN,
    400: described("It can't be read: no JSON, a field that is missing or of the wrong type."),
    401: described("Not authentic: no proof, or a wrong one."),
    404: described("No such provider, or none of its secrets is set."),
    405: described("Notices are sent by POST."),
    408: described(f"The body took longer than {webhooks.BODY_SECONDS} seconds."),
    413: described(f"The body is over {webhooks.BODY_MAX // 1024} KiB."),
    503: described("Nothing was kept: the store is away or the queue is full. Send it again."),
}
_ANSWERS[503]["headers"] = {"Retry-After": {"description": "in how many seconds", "schema": {"type": "integer"}}}


def paths() -> dict[str, Any]:
    """For the description's `paths`. What stands in the body is each provider's own affair."""
    name = {"type": "string", "enum": sorted(webhooks.PROVIDERS)}
    post = {
        "summary": "Tell of a payment",
        "description": "A provider's notice, proven by its own header or signature (docs/providers.md).",
        "operationId": "tell",
        "parameters": [{"name": "provider", "in": "path", "required": True, "schema": name}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {str(status): answer for status, answer in _ANSWERS.items()},
    }
    return {f"{webhooks.PREFIX}{{provider}}": {"post": post}}
