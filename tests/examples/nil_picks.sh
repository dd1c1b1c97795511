#!/bin/sh
# The same detector in shell and awk, which need nothing installed. Run it with
#   stocktwin run detector.command="sh tests/examples/nil_picks.sh"
read -r hello
while read -r step; do
    case $step in
    *'"nil"'*) ;;
    *) echo '{"findings":[]}'; continue ;;
    esac
    printf '%s\n' "$step" | awk '
        function text(row, field) {
            if (!match(row, "\"" field "\": \"[^\"]*\"")) return ""
            return substr(row, RSTART + length(field) + 5, RLENGTH - length(field) - 6)
        }
        {
            count = split($0, rows, "{")
            for (i = 3; i <= count; i++) {
                location = text(rows[i], "location"); item = text(rows[i], "item")
                if (text(rows[i], "event_type") == "picking" && text(rows[i], "status") == "nil" && location item != "") {
                    found = found (found == "" ? "" : ",") \
                        "{\"type\":\"phantom_stock\",\"location\":\"" location "\",\"item\":\"" item "\"}"
                }
            }
            printf "{\"findings\":[%s]}\n", found
        }'
done
