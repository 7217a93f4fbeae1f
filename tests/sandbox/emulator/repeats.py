"""Answers each call of AWS's API once.

A client repeats a call whose answer it did not get. AWS's SDK for Go also drops an answer that arrives before it has closed the body of its
request, which happens on a busy machine. The repeated create would fail, because the name is taken.
"""

import asyncio

# AWS SDKs Reference Guide, "Retry behavior": all attempts of a call carry the same id.
INVOCATION = "amz-sdk-invocation-id"
KEPT = 1000
# The messages of the answer, by id, of the latest calls.
_answers = {}


async def once(headers, send, answer):
    """Sends what `answer(send)` sends. A repeated attempt gets the messages of the first one, unless that was an internal error."""
    invocation = headers.get(INVOCATION)
    if not invocation:
        await answer(send)
        return
    if earlier := _answers.get(invocation):
        messages = await earlier
        if messages[0]["status"] < 500:
            for message in messages:
                await send(message)
            return
    made, messages = asyncio.get_running_loop().create_future(), []
    _answers[invocation] = made
    if len(_answers) > KEPT:
        del _answers[next(iter(_answers))]

    async def kept(message):
        messages.append(message)
        await send(message)

    try:
        await answer(kept)
    finally:
        made.set_result(messages or [{"status": 500}])
