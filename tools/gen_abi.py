#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes everything that follows from abi/abi.toml: constants, system call numbers, the kernel's dispatch with
its argument checks, the user stubs, the table of negative tests, the reference page.

    tools/gen_abi.py --table abi/abi.toml --out build/<cfg>/gen

The order of [[syscall]] entries is their number. A mistake in the table is reported with the entry's name."""

import argparse
import pathlib
import sys
import tomllib

BANNER = "// Generated from abi/abi.toml by tools/gen_abi.py; do not edit.\n"
NUMBER_KINDS = {"u64": "uint64_t", "u32": "uint32_t", "uaddr": "uint64_t", "handle_value": "handle_t"}


class TableError(Exception):
    pass


class Arg:
    def __init__(self, call, spec, rights, objects):
        if len(spec) != 2:
            raise TableError(f"{call}: an argument is [name, kind]")
        self.name, kind = spec
        self.type = self.rights = None
        if kind.startswith("handle:"):
            _, self.type, text = kind.split(":")
            self.kind = "handle"
            if self.type != "any" and self.type not in objects:
                raise TableError(f"{call}.{self.name}: no object type {self.type}")
            self.rights = [] if text == "-" else text.split("|")
            for r in self.rights:
                if r not in rights:
                    raise TableError(f"{call}.{self.name}: no right {r}")
        elif kind in NUMBER_KINDS:
            self.kind = kind
        else:
            raise TableError(f"{call}.{self.name}: no argument kind {kind}")

    def rights_expr(self):
        return " | ".join(f"RIGHT_{r}" for r in self.rights) or "0"

    def type_expr(self):
        return "OBJ_ANY" if self.type == "any" else f"OBJ_{self.type}"


class Call:
    KEYS = {"name", "doc", "args", "results", "raw", "blocking", "restartable", "noreturn"}

    def __init__(self, number, entry, rights, objects):
        self.number, self.name = number, entry["name"]
        unknown = set(entry) - self.KEYS
        if unknown:
            raise TableError(f"{self.name}: unknown keys {sorted(unknown)}")
        self.doc = entry["doc"]
        self.args = [Arg(self.name, a, rights, objects) for a in entry.get("args", [])]
        self.results = entry.get("results", [])
        self.raw = entry.get("raw", False)
        self.noreturn = entry.get("noreturn", False)
        self.blocking = entry.get("blocking", False)
        self.restartable = entry.get("restartable", False)
        if len(self.args) > 8 or len(self.results) > 7:
            raise TableError(f"{self.name}: more arguments or results than registers")

    def nr(self):
        return "SYS_" + self.name.upper()


class Table:
    def __init__(self, path):
        raw = tomllib.loads(pathlib.Path(path).read_text())
        self.errors, self.objects, self.rights = raw["error"], raw["object"], raw["right"]
        rights = {r["name"] for r in self.rights}
        objects = {o["name"] for o in self.objects}
        for o in self.objects:
            for r in o["default_rights"].split("|"):
                if r not in rights:
                    raise TableError(f"{o['name']}: no right {r}")
        self.calls = [Call(i, s, rights, objects) for i, s in enumerate(raw["syscall"])]
        names = [c.name for c in self.calls]
        if len(set(names)) != len(names):
            raise TableError("two system calls have one name")


def constants(t):
    out = [BANNER, "#ifndef GEN_ABI_CONSTANTS_H\n#define GEN_ABI_CONSTANTS_H\n\n"]
    for e in t.errors:
        out.append(f"#define {e['name']} ({e['value']}) // {e['text']}\n")
    out.append("\n// STATUS_TABLE(X) expands X(name, text) for every status.\n#define STATUS_TABLE(X)")
    for e in t.errors:
        out.append(f" \\\n    X({e['name']}, \"{e['text']}\")")
    out.append("\n\n#define OBJ_ANY 0\n")
    for o in t.objects:
        out.append(f"#define OBJ_{o['name']} {o['value']}\n")
    out.append(f"#define OBJ_COUNT {max(o['value'] for o in t.objects) + 1}\n")
    out.append("#define OBJECT_TABLE(X)")
    for o in t.objects:
        out.append(f" \\\n    X(OBJ_{o['name']}, \"{o['name'].lower()}\")")
    out.append("\n\n")
    for r in t.rights:
        out.append(f"#define RIGHT_{r['name']} (1u << {r['bit']}) // {r['text']}\n")
    allbits = sum(1 << r["bit"] for r in t.rights)
    out.append(f"#define RIGHTS_ALL {allbits:#x}u\n\n// Rights of a new object's first handle.\n")
    for o in t.objects:
        expr = " | ".join(f"RIGHT_{r}" for r in o["default_rights"].split("|"))
        out.append(f"#define RIGHTS_DEFAULT_{o['name']} ({expr})\n")
    out.append("\n#endif\n")
    return "".join(out)


def numbers(t):
    out = [BANNER, "#ifndef GEN_SYSCALL_NR_H\n#define GEN_SYSCALL_NR_H\n\n"]
    for c in t.calls:
        out.append(f"#define {c.nr()} {c.number}\n")
    out.append(f"#define SYS_COUNT {len(t.calls)}\n\n#endif\n")
    return "".join(out)


def kernel_params(c):
    params = ["struct thread *t"]
    for a in c.args:
        if a.kind == "handle":
            params.append(f"const struct handle_arg *{a.name}")
        elif a.kind == "uaddr":
            params.append(f"uaddr_t {a.name}")
        else:
            params.append(f"{NUMBER_KINDS[a.kind]} {a.name}")
    if c.raw:
        params.append("uint64_t *regs")
    params += [f"uint64_t *{r}" for r in c.results]
    return ", ".join(params)


def protos(t):
    out = [BANNER, "#ifndef GEN_SYS_PROTO_H\n#define GEN_SYS_PROTO_H\n\n#include \"kernel/obj/handle.h\"\n"
           "#include <gen/syscall_nr.h>\n\nstruct thread;\n\n"]
    for c in t.calls:
        out.append(f"status_t sys_{c.name}({kernel_params(c)});\n")
    out.append("\n// Checks the arguments in r and calls the body.\ntypedef status_t (*syscall_fn)(struct thread *t, uint64_t *r);\n"
               "struct syscall_entry {\n    syscall_fn dispatch;\n    const char *name;\n};\n"
               "extern const struct syscall_entry syscall_table[SYS_COUNT];\n\n#endif\n")
    return "".join(out)


def dispatch_one(c):
    out = [f"static status_t dispatch_{c.name}(struct thread *t, uint64_t *r)\n{{\n"]
    u32s = [i for i, a in enumerate(c.args) if a.kind in ("u32", "handle_value")]
    if u32s:
        cond = " | ".join(f"r[{i}]" for i in u32s)
        out.append(f"    if (({cond}) >> 32 != 0) {{\n        return ERR_INVALID_ARGS;\n    }}\n")
    handles = [(i, a) for i, a in enumerate(c.args) if a.kind == "handle"]
    status_set = False
    for k, (i, a) in enumerate(handles):
        out.append(f"    struct handle_arg {a.name};\n")
    for k, (i, a) in enumerate(handles):
        decl = "" if status_set else "status_t "
        out.append(f"    {decl}s = handle_arg_get(t, r[{i}], {a.type_expr()}, {a.rights_expr()}, &{a.name});\n")
        status_set = True
        undo = "".join(f"        handle_arg_put(&{b.name});\n" for _, b in handles[:k])
        out.append(f"    if (s != OK) {{\n{undo}        return s;\n    }}\n")
    for x in c.results:
        out.append(f"    uint64_t {x} = 0;\n")
    args = ["t"]
    for i, a in enumerate(c.args):
        if a.kind == "handle":
            args.append(f"&{a.name}")
        elif a.kind == "uaddr":
            args.append(f"(uaddr_t){{r[{i}]}}")
        elif a.kind == "u64":
            args.append(f"r[{i}]")
        else:
            args.append(f"({NUMBER_KINDS[a.kind]})r[{i}]")
    if c.raw:
        args.append("r")
    args += [f"&{x}" for x in c.results]
    if not handles and not c.results:
        if not c.args:
            out.append("    (void)r;\n")
        out.append(f"    return sys_{c.name}({', '.join(args)});\n}}\n\n")
        return "".join(out)
    decl = "" if status_set else "status_t "
    out.append(f"    {decl}s = sys_{c.name}({', '.join(args)});\n" if decl else f"    s = sys_{c.name}({', '.join(args)});\n")
    for _, a in handles:
        out.append(f"    handle_arg_put(&{a.name});\n")
    if c.results:
        out.append("    if (s == OK) {\n")
        for k, x in enumerate(c.results):
            out.append(f"        r[{k + 1}] = {x};\n")
        out.append("    }\n")
    out.append("    return s;\n}\n\n")
    return "".join(out)


def dispatch(t):
    out = [BANNER, "#include <gen/sys_proto.h>\n\n"]
    out += [dispatch_one(c) for c in t.calls]
    out.append("const struct syscall_entry syscall_table[SYS_COUNT] = {\n")
    for c in t.calls:
        out.append(f"    [{c.nr()}] = {{dispatch_{c.name}, \"{c.name}\"}},\n")
    out.append("};\n")
    return "".join(out)


def result_type(name):
    handles = {"new", "job", "process", "vmar", "thread", "vmo", "clone", "child", "endpoint", "reply",
               "notification", "resource", "irq", "value", "h"}
    return "handle_t" if name in handles else "uint64_t"


def user_params(c):
    params = []
    for a in c.args:
        if a.kind == "handle":
            params.append(f"handle_t {a.name}")
        elif a.kind == "uaddr":
            params.append(f"{'const ' if a.name == 'name' or c.name in ('vmo_write', 'log_write') else ''}void *{a.name}")
        else:
            params.append(f"{NUMBER_KINDS[a.kind]} {a.name}")
    params += [f"{result_type(r)} *{r}_out" for r in c.results]
    return ", ".join(params) or "void"


def user_header(t):
    out = [BANNER, "// System call stubs for user programs; docs: the system call reference.\n#ifndef GEN_USER_SYSCALLS_H\n"
           "#define GEN_USER_SYSCALLS_H\n\n#include \"abi/types.h\"\n#include <gen/syscall_nr.h>\n\n"]
    for c in t.calls:
        if c.raw:
            continue
        out.append(f"// {c.doc}\n")
        if c.noreturn:
            out.append(f"_Noreturn void sys_{c.name}({user_params(c)});\n")
        else:
            out.append(f"status_t sys_{c.name}({user_params(c)});\n")
    out.append("// Any call by number, for tests: r[0-7] are argument and result registers; returns r[0].\n"
               "status_t sys_any(uint64_t number, uint64_t r[8]);\n\n#endif\n")
    return "".join(out)


STUB_HEAD = """
#if defined(__aarch64__)
#define REG(n) __asm__("x" #n)
#define REG_NR __asm__("x8")
#define TRAP "svc #0"
#define CLOBBERS "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "memory", "cc"
#elif defined(__riscv)
#define REG(n) __asm__("a" #n)
#define REG_NR __asm__("t0")
#define TRAP "ecall"
#define CLOBBERS "t1", "t2", "t3", "t4", "t5", "t6", "memory"
#else
#error "no system call convention for this architecture"
#endif

"""


def stub_body(values, nr):
    out = []
    for i in range(8):
        init = f" = {values[i]}" if i < len(values) else ""
        out.append(f"    register uint64_t r{i} REG({i}){init};\n")
    out.append(f"    register uint64_t nr REG_NR = {nr};\n")
    ops = ", ".join(f"\"{'+' if i < len(values) else '='}r\"(r{i})" for i in range(8))
    out.append(f"    __asm__ volatile(TRAP : {ops}, \"+r\"(nr) : : CLOBBERS);\n")
    return out


def user_stubs(t):
    out = [BANNER, "#include <gen/user_syscalls.h>\n", STUB_HEAD]
    for c in t.calls:
        if c.raw:
            continue
        values = [f"(uint64_t){a.name}" for a in c.args]
        kind = "_Noreturn void" if c.noreturn else "status_t"
        out.append(f"{kind} sys_{c.name}({user_params(c)})\n{{\n")
        out += stub_body(values, c.nr())
        if c.noreturn:
            out.append("    __builtin_trap();\n}\n\n")
            continue
        if c.results:
            out.append("    if ((status_t)r0 == OK) {\n")
            for k, x in enumerate(c.results):
                out.append(f"        *{x}_out = ({result_type(x)})r{k + 1};\n")
            out.append("    }\n")
        out.append("    return (status_t)r0;\n}\n\n")
    out.append("status_t sys_any(uint64_t number, uint64_t r[8])\n{\n")
    out += stub_body([f"r[{i}]" for i in range(8)], "number")
    out += [f"    r[{i}] = r{i};\n" for i in range(8)]
    out.append("    return (status_t)r0;\n}\n")
    return "".join(out)


def negative(t):
    kinds = {"u64": "NEG_U64", "u32": "NEG_U32", "uaddr": "NEG_UADDR", "handle": "NEG_HANDLE",
             "handle_value": "NEG_HANDLE_VALUE"}
    out = [BANNER, """// What every system call demands of its arguments, for tests that give it everything else.
#ifndef GEN_SYS_NEGATIVE_H
#define GEN_SYS_NEGATIVE_H

#include "abi/types.h"
#include <gen/syscall_nr.h>

enum negative_kind { NEG_U64, NEG_U32, NEG_UADDR, NEG_HANDLE, NEG_HANDLE_VALUE };
struct negative_arg {
    const char *name;
    enum negative_kind kind;
    uint32_t type;   // OBJ_*, for NEG_HANDLE
    rights_t rights; // all needed
};
struct negative_call {
    const char *name;
    uint32_t number, arg_count;
    uint8_t raw, noreturn, blocking;
    struct negative_arg args[8];
};
static const struct negative_call negative_calls[SYS_COUNT] = {
"""]
    for c in t.calls:
        out.append(f"    {{\"{c.name}\", {c.nr()}, {len(c.args)}, {int(c.raw)}, {int(c.noreturn)}, {int(c.blocking)}, {{")
        for a in c.args:
            extra = f"{a.type_expr()}, {a.rights_expr()}" if a.kind == "handle" else "0, 0"
            out.append(f"{{\"{a.name}\", {kinds[a.kind]}, {extra}}}, ")
        out.append("}},\n")
    out.append("};\n\n#endif\n")
    return "".join(out)


def reference(t):
    out = ["# System call reference\n\nGenerated from `abi/abi.toml`. Conventions: `abi/ipc.h`. Structures and constants: `abi/types.h`.\n\n"]
    out.append("## Calls\n\n")
    for c in t.calls:
        params = []
        for a in c.args:
            params.append(f"{a.name}: {a.kind if a.kind != 'handle' else (a.type if a.type != 'any' else 'any object')}")
        res = f" -> {', '.join(c.results)}" if c.results else ""
        out.append(f"### {c.number}. `{c.name}`({', '.join(params)}){res}\n\n{c.doc}\n\n")
        for a in c.args:
            if a.kind == "handle" and a.rights:
                out.append(f"- `{a.name}` needs {', '.join(a.rights)}\n")
        facts = [n for n, on in (("blocks", c.blocking), ("works in slices", c.restartable), ("does not return", c.noreturn),
                                 ("IPC registers", c.raw)) if on]
        if facts:
            out.append(f"- {'; '.join(facts)}\n")
        out.append("\n")
    out.append("## Statuses\n\n| name | value | meaning |\n| --- | ---: | --- |\n")
    out += [f"| {e['name']} | {e['value']} | {e['text']} |\n" for e in t.errors]
    out.append("\n## Rights\n\n| right | bit | allows |\n| --- | ---: | --- |\n")
    out += [f"| {r['name']} | {r['bit']} | {r['text']} |\n" for r in t.rights]
    out.append("\n## Object types\n\n| type | number | rights of its first handle |\n| --- | ---: | --- |\n")
    out += [f"| {o['name']} | {o['value']} | {o['default_rights'].replace('|', ', ')} |\n" for o in t.objects]
    return "".join(out)


OUTPUTS = {
    "abi_constants.h": constants,
    "syscall_nr.h": numbers,
    "sys_proto.h": protos,
    "sys_dispatch.c": dispatch,
    "user_syscalls.h": user_header,
    "user_stubs.c": user_stubs,
    "sys_negative.h": negative,
    "syscalls.md": reference,
}


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--table", required=True)
    ap.add_argument("--out", required=True)
    args = ap.parse_args()
    try:
        table = Table(args.table)
    except (TableError, KeyError, tomllib.TOMLDecodeError) as e:
        sys.exit(f"{args.table}: {e}")
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    for name, make in OUTPUTS.items():
        (out / name).write_text(make(table))


if __name__ == "__main__":
    main()
