# Models for the tests of fc-varm: `load varm`.

# Folders with a file of safetensors; the words are DIR NAME=V,V...: float32, one dimension.
models() { # models 'DIR NAME=V,V NAME=V' ...
	python3 - "$@" <<-'EOF'
		import json, os, struct, sys
		for words in sys.argv[1:]:
		    folder, *tensors = words.split()
		    os.makedirs(folder, exist_ok=True)
		    head, data = {}, b""
		    for t in tensors:
		        name, v = t.split("=")
		        v = [float(x) for x in v.split(",")]
		        at = len(data)
		        data += struct.pack("<%df" % len(v), *v)
		        head[name] = {"dtype": "F32", "shape": [len(v)], "data_offsets": [at, len(data)]}
		    text = json.dumps(head).encode()
		    with open(folder + "/model.safetensors", "wb") as f:
		        f.write(struct.pack("<Q", len(text)) + text + data)
		    with open(folder + "/config.json", "w") as f:
		        f.write('{"model_type": "llama", "torch_dtype": "float32", "rms_norm_eps": 1e-06}')
	EOF
}

# The values of a model, NAME=V,V a line.
values() {
	python3 - "$1" <<-'EOF'
		import json, struct, sys
		b = open(sys.argv[1] + "/model.safetensors", "rb").read()
		n = struct.unpack("<Q", b[:8])[0]
		for name, t in sorted(json.loads(b[8:8 + n]).items()):
		    if name == "__metadata__":
		        continue
		    x = b[8 + n:][slice(*t["data_offsets"])]
		    v = struct.unpack("<%df" % (len(x) // 4), x) if t["dtype"] == "F32" else x.hex()
		    print(name + "=" + (v if isinstance(v, str) else ",".join("%.6g" % y for y in v)))
	EOF
}

three_models() {
	models 'pivot a=1,0,0,1 n=1,1' 'ta a=1.5,0,0,1.5 n=1,2' 'tb a=1,1,1,1 n=1,1'
	echo '{}' >pivot/tokenizer.json
	echo 'old weights' >pivot/pytorch_model.bin
}
