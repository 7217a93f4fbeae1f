import asyncio
import sys
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))

import repeats  # noqa: E402


class Repeats(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.calls = 0
        self.statuses = iter([500, 200, 400])

    async def answer(self, send):
        self.calls += 1
        status = next(self.statuses)
        await send({"type": "http.response.start", "status": status})
        await asyncio.sleep(0.01)
        await send({"type": "http.response.body", "body": b"%d" % self.calls})

    async def attempt(self, invocation):
        got = []

        async def send(message):
            got.append(message)

        await repeats.once({repeats.INVOCATION: invocation} if invocation else {}, send, self.answer)
        return got[0]["status"], got[1]["body"]

    async def test_a_repeated_attempt_gets_the_first_answer_and_an_internal_error_is_tried_again(self):
        self.assertEqual(await self.attempt("a"), (500, b"1"))
        self.assertEqual(await asyncio.gather(self.attempt("a"), self.attempt("a")), [(200, b"2"), (200, b"2")])
        self.assertEqual(await self.attempt("b"), (400, b"3"))
        self.assertEqual(await self.attempt("b"), (400, b"3"))

    async def test_calls_without_an_id_are_separate(self):
        self.assertEqual([await self.attempt(None) for _ in range(3)], [(500, b"1"), (200, b"2"), (400, b"3")])
