# Prints the prose of Markdown, C#, shell and protobuf files for a spell checker, each word as FILE:LINE:WORD: documents
# without their code, comments, and the messages of src and of the scripts. Names from code, paths and numbers are left
# out.

FNR == 1 { fenced = 0; kind = FILENAME; sub(/.*\./, "", kind) }

kind == "md" {
  if ($0 ~ /^ *```/) { fenced = !fenced; next }
  if (!fenced && !/^    /) emit($0)
  next
}

{
  # Tests' strings are data; other strings are prose if they have spaces.
  marker = kind == "cs" || kind == "proto" ? "(^|[ \t])//+" : "(^|[ \t])#+ "
  comment = match($0, marker) ? substr($0, RSTART + RLENGTH) : ""
  code = match($0, marker) ? substr($0, 1, RSTART - 1) : $0
  if (comment !~ /\|/) emit(comment) # no drawings
  if (kind == "cs" && FILENAME !~ /^src\//) next
  if (kind == "cs" || code ~ /(say|note|die|echo|check|printf) /) {
    gsub(/\\"/, " ", code)
    while (match(code, /"[^"]*"/)) {
      string = substr(code, RSTART + 1, RLENGTH - 2)
      if (string ~ / /) emit(string)
      code = substr(code, RSTART + RLENGTH)
    }
  }
}

function emit(text,   count, words, i, word) {
  gsub(/<c>[^<]*<\/c>|<[^>]*>|`[^`]*`|\]\([^)]*\)/, " ", text) # code, tags, addresses of links
  while (gsub(/\$\([^()]*(\)|$)|\$?\{[^{}]*\}/, " ", text)) {}  # values that are filled in, from the innermost out
  gsub(/https?:[^ ]*|\\[nt]/, " ", text)
  gsub(/…|—|–|→|“|”|‘|’|[-"(),;:!?*\[\]|]/, " ", text)
  count = split(text, words, /[ \t]+/)
  for (i = 1; i <= count; i++) {
    word = words[i]
    gsub(/^['.]+|['.]+$/, "", word)
    sub(/'s$/, "", word)
    if (word ~ /^[A-Z]?[a-z']+$/) print FILENAME ":" FNR ":" word # no digits, paths, acronyms, errors or camelCase
  }
}
