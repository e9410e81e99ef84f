#!/usr/bin/env python3
"""Generates docs/vocabulary.md: what of the public API's vocabulary turnwire has types for.

    table.py SDK            compares with docs/vocabulary.md, and fails when the two differ
    table.py SDK --write    writes docs/vocabulary.md

SDK is the folder of the unpacked package `openai` of PyPI, in the version below: the folder that contains `openai/`. What the
package has is read from its types, and what turnwire has from the declarations in core/src/responses.
"""

import ast
import pathlib
import re
import sys

VERSION = "3.57.0"
ROOT = pathlib.Path(__file__).resolve().parents[2]
CORE = ROOT / "core/src/responses"
PAGE = ROOT / "docs/vocabulary.md"

# Why a type or a member has no type here. The key is `category/type/member`, `category/*/member`, or `category/type`.
REASONS = {
    "part/*/prompt_cache_breakpoint": "kept in `extra` as it came; set by adding to `extra`",
    "part/output_text/annotations": "kept in `extra` as it came",
    "part/output_text/logprobs": "kept in `extra` as it came",
    "item/compaction_trigger/id": "an item with an id is `Item::Other`, as it came",
    "tool/web_search_2025_08_26": "a dated name of `web_search`; `Tool::Other`, as it came",
    "tool/web_search_preview_2025_03_11": "a dated name of `web_search_preview`; `Tool::Other`, as it came",
}


# Members of every event, which the page names once.
COMMON = {
    "sequence_number": "typed: `ServerEvent::sequence_number`",
    "stream_id": "typed: `ServerEvent::stream_id`",
    "agent": "beta; in the payload, `ServerEvent::raw`",
}


class Types:
    """The classes of the package, by module."""

    def __init__(self, folder):
        self.modules = {}
        self.classes = {}
        for path in sorted([*folder.glob("types/responses/*.py"), *folder.glob("types/shared/*.py"), *folder.glob("types/beta/beta_response*.py")]):
            tree = ast.parse(path.read_text())
            module = {}
            for node in tree.body:
                if isinstance(node, ast.ClassDef):
                    module[node.name] = node
                elif isinstance(node, ast.AnnAssign) and node.value is not None:
                    module[ast.unparse(node.target)] = node.value
            self.modules[path.stem] = module
            for name, node in module.items():
                self.classes.setdefault(name, []).append((path.stem, node))

    def resolve(self, name, module):
        """The definition of a name that is used in a module, and its own module."""
        if name in self.modules[module]:
            return module, self.modules[module][name]
        found = sorted(self.classes.get(name, []), key=lambda known: known[0].endswith("_param"))
        return found[0] if found else (None, None)

    def leaves(self, name, module):
        """The classes of a union."""
        stem, node = self.resolve(name, module)
        if isinstance(node, ast.ClassDef):
            return [(stem, node)]
        names = [] if node is None else [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
        skipped = {"Union", "Annotated", "PropertyInfo", "TypeAlias", "Optional", "List", "Literal", "Iterable", name}
        return [leaf for part in names if part not in skipped for leaf in self.leaves(part, stem)]

    def fields(self, stem, node):
        """The members of a class, with those of its bases: each name in JSON, and the literals of its type."""
        members = {}
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id not in ("BaseModel", "TypedDict"):
                base_stem, base_node = self.resolve(base.id, stem)
                if isinstance(base_node, ast.ClassDef):
                    members.update(self.fields(base_stem, base_node))
        for field in node.body:
            if isinstance(field, ast.AnnAssign):
                name = ast.unparse(field.target).rstrip("_")
                literals = [part.value for part in ast.walk(field.annotation) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
                members[name] = literals
        return members

    def kinds(self, leaves):
        """The members of each `type` of these classes."""
        kinds = {}
        for stem, node in leaves:
            fields = self.fields(stem, node)
            for kind in fields.get("type", []):
                kinds.setdefault(kind, set()).update(name for name in fields if name != "type")
        return kinds


def package(folder):
    """The vocabulary of the package: for each category the types, and for each type its members."""
    types = Types(folder)
    events = [(stem, node) for stem, module in types.modules.items() if not stem.endswith("_param")
              for node in module.values() if isinstance(node, ast.ClassDef)]
    events = {kind: members for kind, members in types.kinds(events).items()
              if kind == "error" or (kind.startswith("response.") and kind not in ("response.create", "response.steer", "response.inject"))}
    items = types.leaves("ResponseOutputItem", "response_output_item") + types.leaves("ResponseInputItem", "response_input_item")
    parts = (types.leaves("ResponseInputContent", "response_input_content") + types.leaves("ResponseInputAudio", "response_input_audio")
             + types.leaves("ResponseOutputText", "response_output_text") + types.leaves("ResponseOutputRefusal", "response_output_refusal")
             + types.leaves("ResponseComputerToolCallOutputScreenshot", "response_computer_tool_call_output_screenshot")
             + types.leaves("Summary", "response_reasoning_item") + types.leaves("Content", "response_reasoning_item"))
    request = types.modules["response_create_params"]["ResponseCreateParamsBase"]
    response = types.modules["response"]["Response"]
    return {
        "event": {kind: members - COMMON.keys() for kind, members in events.items()},
        "item": types.kinds(items),
        "part": types.kinds(parts),
        "tool": types.kinds(types.leaves("Tool", "tool")),
        "request": {"": set(types.fields("response_create_params", request)) | {"stream"}},
        "response": {"": set(types.fields("response", response))},
    }


def declared(text):
    """The members in a block of a declaration."""
    text = re.sub(r"///.*", "", text)
    named = re.findall(r"^\s*(\w+)(?:\(\"(\w+)\"\))?: ?", text, re.M)
    return {wire or name for name, wire in named}


def records(path, macro):
    """The declarations of a file: each name, its `type`, and its members."""
    text = path.read_text()
    for block in re.findall(macro + r"! \{\n(.*?)^\}", text, re.M | re.S):
        body = re.sub(r"^\s*///.*\n", "", block, flags=re.M)
        body = re.sub(r"^\s*#\[.*\n", "", body, flags=re.M)
        head = re.match(r"\s*(\w+)(?: \"(\w*)\")?", body)
        names = {wire or name for name, wire in re.findall(r"\b(\w+)(?: ?\(\"(\w+)\"\))?: ", body)}
        model = re.search(r"\) ?\[(.*?)\]", body, re.S)
        names |= set(re.findall(r"\w+", model.group(1))) if model else set()
        yield head.group(1), head.group(2), names


def turnwire():
    """The vocabulary that turnwire has types for, in the same form."""
    table = (CORE / "event/table.rs").read_text().split("$callback! {", 1)[1]
    events = {kind: set(re.findall(r"(\w+): \w+", members))
              for kind, members in re.findall(r"\w+ \"([\w.]+)\" \w+ \{(.*?)\}", table, re.S)}
    files = [CORE / "item/message.rs", CORE / "item/call.rs", *sorted((CORE / "item/hosted").glob("*.rs"))]
    members = {name: names for file in files for name, _, names in records(file, "item")}
    codec = (CORE / "item/codec.rs").read_text()
    listed = codec.split("macro_rules! kinds", 1)[1].split("macro_rules! implement", 1)[0]
    items = {kind: members[name] | {"id"} for name, kind in re.findall(r"(\w+) \"(\w+)\"", listed)}
    items |= {"compaction_trigger": set(), "item_reference": {"id"}}
    part = (CORE / "item/part.rs").read_text()
    variants = dict(re.findall(r"^    (\w+) \{\n(.*?)^    \},", part.split("pub enum ContentPart {", 1)[1].split("\n}\n", 1)[0], re.M | re.S))
    fields = {name: declared(body) - {"extra", "kind"} for name, body in variants.items()}
    parts = {kind: fields["Text"] for kind in ("input_text", "output_text", "summary_text", "reasoning_text", "text")}
    parts |= {"input_image": fields["InputImage"], "input_file": fields["InputFile"], "refusal": fields["Refusal"],
              "input_audio": fields["InputAudio"] | fields["InputAudioUrl"], "computer_screenshot": fields["ComputerScreenshot"],
              "encrypted_content": fields["Encrypted"]}
    tools = {kind: names for file in ("client", "search", "hosted") for _, kind, names in records(CORE / f"tool/{file}.rs", "record") if kind}
    listed = (CORE / "tool/tool.rs").read_text().split("\ntools! {", 1)[1]
    tools = {kind: tools[kind] for kind in re.findall(r"\w+ \"(\w+)\",", listed)}
    request = (CORE / "request/create_response.rs").read_text().split("create_response! {", 2)[-1].split("\n}\n", 1)[0]
    response = (CORE / "response.rs").read_text().split("\nresponse! {", 1)[1].split("\n}\n", 1)[0]
    own = {"id", "object", "output", "usage", "created_at", "completed_at"}
    return {"event": events, "item": items, "part": parts, "tool": tools, "request": {"": declared(request)},
            "response": {"": declared(response) | own}}


def reason(category, kind, member):
    for key in (f"{category}/{kind}/{member}", f"{category}/*/{member}", f"{category}/{kind}"):
        if key in REASONS:
            return REASONS[key]
    return None


TITLES = {
    "event": ("Events", "An event of another type is `EventData::Other`, with its payload as it came."),
    "item": ("Items", "An item of another type is `Item::Other`; members that are not known are kept in `extra`."),
    "part": ("Parts", "A part of another type is `ContentPart::Other`; members that are not known are kept in `extra`."),
    "tool": ("Tools", "A tool of another type is `Tool::Other`; a request takes any JSON."),
    "request": ("Members of a request", "Another member is set with `CreateResponse::with`."),
    "response": ("Members of a response", "Another member is kept in `Response::extra`."),
}


def page(theirs, ours):
    """The page, and what has neither a type nor a reason."""
    lines = [
        "# Vocabulary", "",
        f"What the types of PyPI `openai` {VERSION} name, and what turnwire has for it. Generated by `tests/vocabulary/table.py`;",
        "`.ci/run` checks it against the package. *Typed*: a field, or a variant, of that name. Whatever has no type is kept as it came",
        "and written back.", "",
    ]
    missing = []
    for category, (title, other) in TITLES.items():
        kinds = theirs[category]
        lines += [f"## {title}", "", other, ""]
        if "" in kinds:
            lines += ["| member | here |", "|---|---|"]
            rows = [("", member) for member in sorted(kinds[""])]
        else:
            lines += ["| type | member | here |", "|---|---|---|"]
            rows = [(kind, member) for kind in sorted(kinds) for member in ["", *sorted(kinds[kind])]]
            if category == "event":
                lines += [f"| every event | `{member}` | {here} |" for member, here in COMMON.items()]
        for kind, member in rows:
            known = kind in ours[category] and (not member or member in ours[category][kind])
            why = "typed" if known else reason(category, kind, member)
            if why is None:
                missing.append(f"{category} {kind} {member}".strip())
                why = "no type"
            cells = [f"`{cell}`" if cell else "" for cell in ([member] if not kind else [kind, member])]
            lines.append("| " + " | ".join([*cells, why]) + " |")
        lines.append("")
    for category in TITLES:
        more = sorted(set(ours[category]) - set(theirs[category]))
        if more:
            lines.append(f"{TITLES[category][0]} that turnwire knows beside these: " + ", ".join(f"`{kind}`" for kind in more) + ".")
            lines.append("")
    return "\n".join(lines).rstrip() + "\n", missing


def main():
    folder = pathlib.Path(sys.argv[1])
    version = (folder / "openai/_version.py").read_text()
    if VERSION not in version:
        sys.exit(f"the package is not openai {VERSION}")
    text, missing = page(package(folder / "openai"), turnwire())
    if missing:
        sys.exit("neither typed nor with a reason:\n  " + "\n  ".join(missing))
    if "--write" in sys.argv:
        PAGE.write_text(text)
    elif text != PAGE.read_text():
        sys.exit("docs/vocabulary.md is not what tests/vocabulary/table.py generates: run it with --write")
    print(f"{text.count(chr(10) + '| `')} rows")


main()
