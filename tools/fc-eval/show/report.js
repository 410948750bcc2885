"use strict";
(() => {
	const byId = (id) => document.getElementById(id);
	const list = byId("list"), find = byId("find"), category = byId("category");
	const order = byId("order"), all = byId("all"), found = byId("found");
	const questions = [...list.children];
	const text = new Map(); // lower case, made when first searched
	byId("tools").hidden = false;

	const textOf = (q) => {
		if (!text.has(q))
			text.set(q, q.textContent.toLowerCase());
		return text.get(q);
	};

	// Marks what was searched for in open questions, where the browser can.
	const mark = (word) => {
		if (!globalThis.Highlight)
			return;
		CSS.highlights.delete("found");
		if (word.length < 2)
			return;
		const ranges = [];
		for (const q of questions) {
			if (!q.open || q.hidden)
				continue;
			const walk = document.createTreeWalker(q, NodeFilter.SHOW_TEXT);
			for (let n; (n = walk.nextNode()) && ranges.length < 5000;) {
				const s = n.data.toLowerCase();
				if (s.length !== n.data.length)
					continue;
				for (let i = s.indexOf(word); i >= 0; i = s.indexOf(word, i + word.length)) {
					const r = new Range();
					r.setStart(n, i);
					r.setEnd(n, i + word.length);
					ranges.push(r);
				}
			}
		}
		CSS.highlights.set("found", new Highlight(...ranges));
	};

	const show = () => {
		const word = find.value.trim().toLowerCase();
		let n = 0;
		for (const q of questions) {
			q.hidden = (category.value && q.dataset.category !== category.value) ||
			    (word && !textOf(q).includes(word));
			n += !q.hidden;
		}
		found.value = `${n} of ${questions.length}`;
		mark(word);
	};

	const sort = () => {
		const key = order.value, sign = key === "gap" ? -1 : 1;
		const value = (q) => {
			const v = parseFloat(q.dataset[key]);
			return Number.isNaN(v) ? Infinity : sign * v;
		};
		const sorted = key ? [...questions].sort((a, b) => value(a) - value(b)) : questions;
		list.append(...sorted);
	};

	let timer;
	find.addEventListener("input", () => {
		clearTimeout(timer);
		timer = setTimeout(show, 120);
	});
	category.addEventListener("change", show);
	order.addEventListener("change", sort);
	list.addEventListener("toggle", () => mark(find.value.trim().toLowerCase()), true);

	all.addEventListener("click", () => {
		const open = all.textContent === "Open all";
		for (const q of questions)
			if (!q.hidden)
				q.open = open;
		all.textContent = open ? "Close all" : "Open all";
	});

	for (const button of document.querySelectorAll("[data-toggle]"))
		button.addEventListener("click", () => {
			const on = button.getAttribute("aria-pressed") !== "true";
			button.setAttribute("aria-pressed", on);
			for (const e of document.querySelectorAll(`[data-m="${button.dataset.toggle}"]`))
				e.classList.toggle("off", !on);
		});

	// "/" searches, j and k go from question to question.
	document.addEventListener("keydown", (e) => {
		if (e.ctrlKey || e.metaKey || e.altKey)
			return;
		if (e.target.matches("input, select, textarea")) {
			if (e.key === "Escape")
				e.target.blur();
			return;
		}
		if (e.key === "/") {
			e.preventDefault();
			find.focus();
		} else if (e.key === "j" || e.key === "k") {
			const shown = [...list.children].filter((q) => !q.hidden);
			const at = shown.indexOf(document.activeElement.closest(".q"));
			const next = shown[e.key === "j" ? at + 1 : Math.max(0, at - 1)];
			if (next)
				next.querySelector("summary").focus();
		}
	});

	const jump = () => {
		const q = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
		if (q && q.matches(".q")) {
			q.open = true;
			q.scrollIntoView();
		}
	};
	addEventListener("hashchange", jump);
	show();
	jump();
})();
