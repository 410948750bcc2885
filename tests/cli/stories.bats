# stories260K, converted from llama2.c's files, through the whole of fc-infer.
load ../helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	need_shared
	"$FC_ROOT/tests/stories260k.py" "$FC_SHARED/data/weights/stories260K.bin" \
		"$FC_SHARED/data/weights/tok512.bin" stories
	printf '%s\n' '{"id":"a","messages":[{"role":"user","content":"Once upon a time"}]}' \
		'{"id":"b","messages":[{"role":"user","content":"Lily and Tom"}]}' >chats.jsonl
}

# tests/unit/stories.c derives this text from llama2.c's own file.
story=', there was a little girl named Lily. She loved to play outside in the park. One day, she saw'

@test "the greedy story is llama2.c's" {
	fc-infer --generate -q -m stories --dtype f32 --max-new 40 chats.jsonl >out.jsonl
	run jq -r 'select(.id == "a") | .messages[1].content' out.jsonl
	[[ $output == "$story"* ]]
}

@test "answers do not depend on who else is being answered" {
	fc-infer --generate -q -m stories --dtype f32 --max-new 40 chats.jsonl >both.jsonl
	fc-infer --generate -q -m stories --dtype f32 --max-new 40 --slots 1 chats.jsonl >each.jsonl
	cmp both.jsonl each.jsonl
}

@test "a sampled story follows its seed" {
	for run in first=1 again=1 other=2; do
		fc-infer --generate -q -m stories --dtype f32 --max-new 40 --temperature 1 \
			--seed "${run#*=}" chats.jsonl >"${run%=*}.jsonl"
	done
	cmp first.jsonl again.jsonl
	run cmp first.jsonl other.jsonl
	[ "$status" -eq 1 ]
}
