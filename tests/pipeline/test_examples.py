"""tests/examples.py finds an example with another output than on the page. scripts/test up runs it on the pages."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from examples import differences, examples

PAGE = """
# Page

```console
$ name=http://127.0.0.1:8080
$ printf '%s\\n' \\
    "$name/01a22e80-afe2-77d2-9351-aaa7fd959968"
http://127.0.0.1:8080/01a20c52-012f-7258-a11a-9a9e2879f923
```

```sh
exit 1
```

```console
$ printf '{\\n    "a": 1\\n}'
{
    "a": 1
}
```
"""


class Examples(unittest.TestCase):
    def test_commands_are_found_with_their_output(self):
        commands = [command for command, _ in examples(PAGE)]
        self.assertEqual(len(commands), 3)
        self.assertIn('\n    "$name', commands[1])
        self.assertEqual(examples(PAGE)[2][1], '{\n    "a": 1\n}\n')

    def test_what_is_as_shown_passes_whatever_the_address_and_the_ids(self):
        self.assertEqual(differences(PAGE, "http://127.0.0.1:1"), [])

    def test_another_output_is_found(self):
        for planted in [PAGE.replace('"a": 1\n', '"a": 2\n'), PAGE.replace("8080/01", "8081/01"), PAGE.replace('    "a": 1\n}\n```', "```")]:
            with self.subTest(planted):
                self.assertEqual(len(differences(planted, "http://127.0.0.1:1")), 1)

    def test_a_command_that_ends_the_shell_hides_nothing(self):
        told = differences(PAGE.replace("$ name=", "$ exit 0; name="), "http://127.0.0.1:1")
        self.assertEqual(len(told), 1)
        self.assertIn("0 of 3", told[0])


if __name__ == "__main__":
    unittest.main()
