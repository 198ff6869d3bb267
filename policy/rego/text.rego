# Words for reasons. No formatting built-in is allowed in the bundle, so sentences are joined from bounded parts.
package symbolon.text

limit := 300

# Names joined by commas, cut where a sentence would become unreadable.
list(names) := joined if {
	joined := concat(", ", names)
	count(joined) <= limit
} else := concat("", [substring(concat(", ", names), 0, limit), "..."])

sentence(parts) := concat("", parts)

seconds(number) := concat(" ", [format_int(number, 10), "s"])
