# SPDX-License-Identifier: Apache-2.0
# What the tests of fc-align share: `load align`.
load ../helper

mkstream() { "$FC_ROOT/$B/fixture/mkstream"; }
fakemodel() { "$FC_ROOT/$B/fixture/fakemodel" "$@"; }

# Three tokenizers: the pivot P, S (SentencePiece, its own BOS and turn end), Q (pre-tokens of Qwen);
# a stream of each, all of the same text.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	local demo=$FC_ROOT/pipelines/demo
	python3 "$demo/talk.py" --set train -n 60 --seed 1 >chats.jsonl
	python3 "$demo/vocab.py" --kind gpt2 --size 300 --eos '<|eot|>' -o P <chats.jsonl
	python3 "$demo/vocab.py" --kind spm-prefix --size 400 --unk '<unk>' --bos '<s>' --eos '</s>' -o S <chats.jsonl
	python3 "$demo/vocab.py" --kind qwen2 --size 350 --eos '<|im_end|>' -o Q <chats.jsonl
	fakemodel P P 1 chats.jsonl >P.fcs
	fakemodel S P 2 chats.jsonl >S.fcs
	fakemodel Q P 3 chats.jsonl >Q.fcs
	fc-align map -q -p P -s S -o S.map.fcs chats.jsonl
	fc-align map -q -p P -s Q -o Q.map.fcs chats.jsonl
	fc-align apply -q -p P -m S.map.fcs -o S.aligned.fcs S.fcs
	fc-align apply -q -p P -m Q.map.fcs -o Q.aligned.fcs Q.fcs
	fc-align apply -q -p P -s S -o S.bytes.fcs S.fcs
	fc-align apply -q -p P -s Q -o Q.bytes.fcs Q.fcs
	# four streams over one token each, written by hand
	cat >hand.jsonl <<-'END'
		{"kind": "dists", "tokenizer": 7, "n_vocab": 9, "top_k": 2, "sources": ["NAME"]}
		{"id": "x", "meta": {"skill": "sums"}, "text": "ab", "nll": 1, "n_label": 1, "label_bytes": 1, "tokens": [[0,1,0],[1,2,1]], "rows": [[1, -0.5, [[1, -0.5]]]]}
		{"id": "y", "meta": {"skill": "facts"}, "text": "cd", "nll": 3, "n_label": 2, "label_bytes": 1, "tokens": [[0,1,0],[3,2,1]], "rows": [[1, -1, [[4, -0.75], [3, -1]]]]}
	END
	sed 's/NAME/a/' hand.jsonl | mkstream >a.fcs
	sed 's/NAME/b/; s/"nll": 1,/"nll": 0.5,/; s/"nll": 3, "n_label": 2/"nll": 3.5, "n_label": 7/; s/, -0.75/, -2/; s/\[4, -2\], \[3, -1\]/[3, -1], [4, -2]/' \
		hand.jsonl | mkstream >b.fcs
	sed 's/NAME/c/' hand.jsonl | head -n 2 | mkstream >short.fcs
	sed 's/NAME/c/; s/"y"/"z"/' hand.jsonl | mkstream >other-id.fcs
	sed 's/NAME/c/; s/"cd"/"ce"/' hand.jsonl | mkstream >other-text.fcs
	sed 's/NAME/c/; s/\[3,2,1\]/[5,2,1]/' hand.jsonl | mkstream >other-tokens.fcs
	sed 's/NAME/c/; s/"tokenizer": 7/"tokenizer": 8/' hand.jsonl | mkstream >other-tokenizer.fcs
	sed 's/NAME/c/' hand.jsonl | head -n 1 | mkstream >empty.fcs
	echo '{"kind": "tokens", "n_vocab": 9}' | mkstream >tokens.fcs
}

F() { echo "$BATS_FILE_TMPDIR/$1"; }
records() { fc-view --jsonl "$@"; }
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(d < 2e-3 && d > -2e-3) }'; }
