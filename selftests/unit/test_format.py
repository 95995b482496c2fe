#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""selftests/format finds what it is there for, and nothing in what is right.

Prints TAP; exits 1 if a test failed.
"""
import os
import subprocess
import sys
import tempfile

FORMAT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../format')

GOOD_C = '''/* SPDX */
static int f(const char *a, int b)
{
\tif (b) {
\t\tputs("if(b){ // a,b");
\t} else {
\t\tfor (;;)
\t\t\tbreak;
\t}
\treturn f(a, ',') ? 1 : 0;
}
'''
# (rule, file name, text)
WRONG = [
    ('indent with tabs', 'x.c', 'void f(void)\n{\n        g();\n}\n'),
    ('more than 132 columns', 'x.c', 'int a = %s1;\n' % ('1 + ' * 40)),
    ('a space after the keyword', 'x.c', 'void f(void)\n{\n\twhile(1)\n\t\tg();\n}\n'),
    ('a space beside the brace', 'x.c', 'void f(void)\n{\n\tif (a){\n\t}\n}\n'),
    ('a space beside the brace', 'x.c', 'void f(void)\n{\n\tif (a) {\n\t}else {\n\t}\n}\n'),
    ('a space after the comma', 'x.h', 'int f(int,int);\n'),
    ('/* */ for comments', 'x.c', 'int a; // one\n'),
    ('the * belongs to the name', 'x.h', 'int f(char* a);\n'),
    ('the brace of a function', 'x.c', 'int f(void) {\n\treturn 1;\n}\n'),
    ('white space at the end', 'x.sh', '#!/bin/sh\necho \n'),
    ('no newline at the end', 'x.py', 'a = 1'),
    ('an empty line at the end', 'x.py', 'a = 1\n\n'),
    ('more than two empty lines', 'x.rst', 'a\n\n\n\nb\n'),
    ('indent with tabs', 'x.sh', 'f() {\n        echo\n}\n'),
    ('indent with spaces', 'x.py', 'if a:\n\tb()\n'),
    ('no tabs', 'x.md', 'a\tb\n'),
]
RIGHT = [('x.c', GOOD_C), ('x.py', 'if a:\n    b()\n'), ('x.rst', 'a\n\n\nb\n'),
         ('x.sh', '#!/bin/sh\nf() {\n\tcat <<END\n        spaces\nEND\n}\n'),
         ('Makefile', 'a:\n\tb\n')]


def told(work, name, text):
    path = os.path.join(work, name)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    got = subprocess.run([FORMAT, path], stdout=subprocess.PIPE, encoding='utf-8', check=False)
    return got.returncode, got.stdout


def main():
    results = []
    with tempfile.TemporaryDirectory() as work:
        for rule, name, text in WRONG:
            code, out = told(work, name, text)
            results.append(('%s: %s' % (name, rule), code == 1 and rule in out and out.count('\n') == 1, out))
        for name, text in RIGHT:
            code, out = told(work, name, text)
            results.append(('%s: right' % name, code == 0 and not out, out))
    print('TAP version 13\n1..%d' % len(results))
    for number, (name, good, out) in enumerate(results, 1):
        if not good:
            print('# said: %r' % out)
        print('%sok %d %s' % ('' if good else 'not ', number, name))
    return not all(good for _, good, _ in results)


sys.exit(main())
