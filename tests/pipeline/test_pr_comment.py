"""The output of scripts/deliver/pr-comment for the next job, and the comment that it writes. Run by `scripts/test pipeline`."""

import json
import re
import unittest

from checkout import Scripts


class Plan(Scripts):
    def test_passes_the_plan_to_the_job_that_writes(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.git("init")
        self.git("add", "environments")
        self.git("commit", "--message", "before")
        main = self.root / "environments/dev/main.tf"
        self.write("environments/dev/main.tf", main.read_text() + "# changed\n")
        self.git("add", "environments/dev/main.tf")
        self.git("commit", "--message", "after")
        output = self.fakes / "output"

        def plan(**env):
            output.unlink(missing_ok=True)
            return self.run_script("pr-comment", "plan", "HEAD^1", GITHUB_OUTPUT=str(output), **env)

        def told():
            """The output `comment`, parsed like GitHub."""
            (end,) = re.findall(r"^comment<<(.+)\n", output.read_text())
            text, _, behind = output.read_text().partition("\n")[2].partition(f"{end}\n")
            self.assertEqual(behind, "")
            return end, text

        self.assertEqual(plan(), 0, self.output)
        first, text = told()
        self.assertEqual(text, "**environments/dev**: nothing to change.\n\n")
        # The end mark is random, so a plan cannot contain it.
        self.assertEqual(plan(), 0, self.output)
        self.assertNotEqual(told()[0], first)
        self.assertEqual(plan(TF_VAR_docker_image_url="good@sha256:2"), 0, self.output)
        self.assertIn("- destroy and make `terraform_data.service`", output.read_text())
        self.write("environments/dev/more.tf", "no Terraform\n")
        self.assertEqual(plan(), 1, self.output)
        self.assertIn("**environments/dev** could not be planned", output.read_text())
        # Killed by the system, or not started.
        for status in (126, 127, 137):
            self.write("scripts/deliver/plan", f"#!/bin/sh\nexit {status}\n", 0o755)
            self.assertEqual(plan(), 1, self.output)


class Write(Scripts):
    def bodies(self, number):
        comments = json.loads((self.fakes / "comments.json").read_text())
        return [it["body"] for it in comments if f"/pull/{number}#" in it["url"]]

    def told(self, number, words):
        self.assertEqual(self.run_script("pr-comment", "write", number, stdin=words), 0, self.output)

    def test_keeps_one_comment(self):
        self.told("7", "one\n")
        (body,) = self.bodies("7")
        self.assertEqual(body.splitlines()[1:], ["one"])
        self.told("7", "two\n")
        (body,) = self.bodies("7")
        self.assertEqual(body.splitlines()[1:], ["two"])
        # The mark is invisible.
        self.assertRegex(body.splitlines()[0], "^<!-- .* -->$")

    def test_finds_the_comment_of_an_earlier_version(self):
        earlier = {"url": "https://github.com/echo/echo/pull/7#issuecomment-1", "body": "<!-- scripts/comment -->\none\n", "viewerDidAuthor": True}
        (self.fakes / "comments.json").write_text(json.dumps([earlier]))
        self.told("7", "two\n")
        (body,) = self.bodies("7")
        self.assertEqual(body.splitlines()[1:], ["two"])

    def test_changes_no_other_comment(self):
        self.told("8", "theirs\n")
        mark = self.bodies("8")[0].splitlines()[0]
        # Of another pull request; by the same author about something else; by people who quote or copy the mark.
        others = [("8", f"{mark}\ntheirs\n", True), ("7", "the tests have failed", True), ("7", f"> {mark}\nsee above", True), ("7", f"{mark}\nmine", False)]
        comments = [{"url": f"https://github.com/echo/echo/pull/{of}#issuecomment-{number}", "body": body, "viewerDidAuthor": own} for number, (of, body, own) in enumerate(others, 1)]
        (self.fakes / "comments.json").write_text(json.dumps(comments))
        for words in ("one\n", "two\n"):
            self.told("7", words)
            self.assertEqual(self.bodies("8"), [f"{mark}\ntheirs\n"])
            self.assertEqual(self.bodies("7"), [body for of, body, _ in others if of == "7"] + [f"{mark}\n{words}"])

    def test_writes_nothing_if_github_cannot_list_the_comments(self):
        self.fake("gh", '#!/bin/sh\necho "$*" >>"$FAKES/asked"\n[ "$2" != view ]\n')
        self.assertEqual(self.run_script("pr-comment", "write", "7", stdin="one\n"), 1, self.output)
        self.assertEqual((self.fakes / "asked").read_text(), "pr view 7 --json comments\n")


if __name__ == "__main__":
    unittest.main()
