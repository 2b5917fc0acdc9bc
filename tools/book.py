#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Makes the book: docs/book/*.md in order of their names, then the other pages of docs/ and the
# generated system call reference, as HTML in build/book/. Understands the Markdown the book uses:
# headings, paragraphs, lists, tables, quotes, fenced code, links, emphasis.
#
# References to the sources are checked, and a dangling one fails the build: inline code that is a
# path below a folder of the repository (`kernel/mm/page.c`) must exist, and with a symbol behind a
# colon (`kernel/mm/page.c:page_alloc`) the file must contain that word. Links between pages must
# lead to a page.
#
#     tools/book.py [--check] [--out build/book]      --check writes nothing

import argparse
import html
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOPS = "abi|arch|kernel|user|wasm|apps|tests|tools|docs|mk|third_party"
REFERENCE = re.compile(rf"^((?:{TOPS})/[\w./+-]*)(?::(\w+))?$")

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ max-width: 46em; margin: 2em auto; padding: 0 1em; font: 17px/1.55 Georgia, serif; }}
code, pre {{ font: 14px/1.4 ui-monospace, monospace; background: #f3f3ee; }}
pre {{ padding: .8em; overflow-x: auto; }} table {{ border-collapse: collapse; }}
td, th {{ border: 1px solid #bbb; padding: .25em .6em; text-align: left; vertical-align: top; }}
blockquote {{ border-left: 3px solid #bbb; margin-left: 0; padding-left: 1em; }}
</style></head><body>
<p><a href="index.html">Bullfinch</a></p>
{body}
</body></html>
"""


class Page:
    """One Markdown file on its way to HTML."""

    def __init__(self, path, name):
        self.path = path
        self.name = name
        self.mistakes = []
        self.number = 0  # of the line at hand, for messages
        with open(path, encoding="utf-8") as file:
            self.lines = file.read().splitlines()
        title = next((l for l in self.lines if l.startswith("# ")), "# " + name)
        self.title = title[2:].strip()

    def mistake(self, text):
        self.mistakes.append(f"{os.path.relpath(self.path, ROOT)}:{self.number}: {text}")

    # --- inline

    def reference_check(self, code):
        match = REFERENCE.match(code)
        if not match or "*" in code:
            return
        path = os.path.join(ROOT, match[1])
        if not os.path.exists(path):
            self.mistake(f"`{code}`: there is no {match[1]}")
        elif match[2]:
            with open(path, encoding="utf-8") as file:
                if not re.search(rf"\b{match[2]}\b", file.read()):
                    self.mistake(f"`{code}`: {match[1]} has no {match[2]}")

    def link(self, match):
        text, target = match[1], match[2]
        page = re.match(r"^(?!\w+:)([^#]*\.md)(#.*)?$", target)
        if page:
            path = os.path.join(os.path.dirname(self.path), page[1])
            if not os.path.exists(path):
                self.mistake(f"the link to {target} leads nowhere")
            target = os.path.basename(page[1])[:-3] + ".html" + (page[2] or "")
        return f'<a href="{target}">{text}</a>'

    def inline(self, text):
        parts = re.split(r"(`[^`]+`)", text)
        for i, part in enumerate(parts):
            if i % 2:
                self.reference_check(part[1:-1])
                parts[i] = f"<code>{html.escape(part[1:-1])}</code>"
        # Code is set aside while the rest is marked up, so that links may have code as their text.
        codes = parts[1::2]
        text = "\0".join(html.escape(p, quote=False) for p in parts[0::2])
        text = re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", self.link, text)
        text = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)
        text = re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*", r"<i>\1</i>", text)
        return re.sub("\0", lambda _: codes.pop(0), text)

    # --- blocks: each takes the lines from i on and returns (html, next i)

    def fence(self, i):
        end = i + 1
        while end < len(self.lines) and not self.lines[end].lstrip().startswith("```"):
            end += 1
        return "<pre>" + html.escape("\n".join(self.lines[i + 1:end])) + "</pre>", end + 1

    def indented(self, i):
        end = i
        while end < len(self.lines) and (self.lines[end].startswith("    ")
                                         or not self.lines[end].strip()):
            end += 1
        text = "\n".join(line[4:] for line in self.lines[i:end]).rstrip()
        return "<pre>" + html.escape(text) + "</pre>", end

    def table(self, i):
        rows = []
        while i < len(self.lines) and self.lines[i].startswith("|"):
            self.number = i + 1
            cells = re.split(r"(?<!\\)\|", self.lines[i].strip().strip("|"))
            if not all(re.fullmatch(r"\s*:?-+:?\s*", cell) for cell in cells):
                tag = "td" if rows else "th"
                rows.append("<tr>" + "".join(
                    f"<{tag}>{self.inline(c.strip().replace(chr(92) + '|', '|'))}</{tag}>"
                    for c in cells) + "</tr>")
            i += 1
        return "<table>\n" + "\n".join(rows) + "\n</table>", i

    def list(self, i):
        item = re.compile(r"^(\s*)([-*]|\d+\.)\s+(.*)$")
        tag = "ol" if self.lines[i].lstrip()[0].isdigit() else "ul"
        indent = len(self.lines[i]) - len(self.lines[i].lstrip())
        items = []
        while i < len(self.lines):
            self.number = i + 1
            match = item.match(self.lines[i])
            if match and len(match[1]) == indent:
                items.append([match[3]])
            elif match and len(match[1]) > indent:
                inner, i = self.list(i)
                items[-1].append("\1" + inner)
                continue
            elif self.lines[i].startswith(" " * (indent + 1)) and self.lines[i].strip():
                items[-1].append(self.lines[i].strip())
            else:
                break
            i += 1
        text = ""
        for parts in items:
            words = self.inline(" ".join(p for p in parts if p[0] != "\1"))
            text += f"<li>{words}{''.join(p[1:] for p in parts if p[0] == chr(1))}</li>\n"
        return f"<{tag}>\n{text}</{tag}>", i

    def paragraph(self, i):
        end = i
        stop = re.compile(r"^(#|```|\||>|\s*([-*]|\d+\.)\s)")
        while end < len(self.lines) and self.lines[end].strip() and (
                end == i or not stop.match(self.lines[end])):
            end += 1
        return "<p>" + self.inline(" ".join(self.lines[i:end])) + "</p>", end

    def quote(self, i):
        end = i
        while end < len(self.lines) and self.lines[end].startswith(">"):
            end += 1
        text = " ".join(line[1:].strip() for line in self.lines[i:end])
        return "<blockquote>" + self.inline(text) + "</blockquote>", end

    def heading(self, i):
        level, text = re.match(r"^(#+)\s*(.*)$", self.lines[i]).groups()
        anchor = re.sub(r"[^\w]+", "-", text.lower()).strip("-")
        return f'<h{len(level)} id="{anchor}">{self.inline(text)}</h{len(level)}>', i + 1

    def render(self):
        kinds = [(r"```", self.fence), (r"#", self.heading), (r"\|", self.table),
                 (r">", self.quote), (r"\s*([-*]|\d+\.)\s", self.list), (r"    ", self.indented),
                 (r"", self.paragraph)]
        out, i = [], 0
        while i < len(self.lines):
            if not self.lines[i].strip():
                i += 1
                continue
            self.number = i + 1
            block = next(f for pattern, f in kinds if re.match(pattern, self.lines[i]))
            text, i = block(i)
            out.append(text)
        return "\n".join(out)


def pages_find():
    """(heading, [pages]) in reading order."""
    def folder(path, skip=()):
        full = os.path.join(ROOT, path)
        names = sorted(os.listdir(full)) if os.path.isdir(full) else []
        return [Page(os.path.join(full, n), n[:-3]) for n in names
                if n.endswith(".md") and n not in skip]
    groups = [("The book", folder("docs/book")), ("About the project", folder("docs")),
              ("Reference", folder("docs/reference"))]
    generated = os.path.join(ROOT, "build/gen/syscalls.md")
    if os.path.exists(generated):
        groups[2][1].append(Page(generated, "syscalls"))
    return groups


def page_write(folder, name, title, body):
    with open(os.path.join(folder, name + ".html"), "w", encoding="utf-8") as file:
        file.write(PAGE.format(title=html.escape(title), body=body))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "book"))
    args = parser.parse_args()

    mistakes, index = [], ["<h1>Bullfinch</h1>"]
    if not args.check:
        os.makedirs(args.out, exist_ok=True)
    for heading, pages in pages_find():
        index.append(f"<h2>{heading}</h2>\n<ul>")
        for page in pages:
            body = page.render()
            mistakes += page.mistakes
            index.append(f'<li><a href="{page.name}.html">{html.escape(page.title)}</a></li>')
            if not args.check:
                page_write(args.out, page.name, page.title, body)
        index.append("</ul>")
    if not args.check:
        page_write(args.out, "index", "Bullfinch", "\n".join(index))
        print(f"The book is in {os.path.relpath(args.out)}/index.html", file=sys.stderr)
    if mistakes:
        print("\n".join(mistakes), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
