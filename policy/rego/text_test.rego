package symbolon.text_test

import data.symbolon.text

test_list if text.list(["a", "b"]) == "a, b"

test_empty_list if text.list([]) == "none"

test_long_list_is_cut if {
	long := text.list([name | some number in numbers.range(1, 200); name := format_int(number, 10)])
	count(long) == text.limit + 3
	endswith(long, "...")
}

test_list_at_the_limit_is_whole if {
	name := concat("", ["x" | some _ in numbers.range(1, 300)])
	text.list([name]) == name
}

test_sentence if text.sentence(["a", "b", "."]) == "ab."

test_seconds if text.seconds(900) == "900 s"
