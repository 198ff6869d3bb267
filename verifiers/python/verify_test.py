import json
import pathlib
import unittest

import verify

VECTORS = json.loads((pathlib.Path(__file__).parent.parent / "vectors" / "tokens.json").read_text(encoding="utf-8"))


class Vectors(unittest.TestCase):
    def test_every_case(self):
        self.assertGreaterEqual(len(VECTORS["cases"]), 40)
        for case in VECTORS["cases"]:
            with self.subTest(case["id"], comment=case["comment"]):
                try:
                    verify.verify(case["token"], VECTORS["jwks"], VECTORS["issuer"], VECTORS["audience"], VECTORS["now"])
                    result = "ok"
                except verify.Refused as refused:
                    result = refused.code
                self.assertEqual(result, case["result"])


if __name__ == "__main__":
    unittest.main()
