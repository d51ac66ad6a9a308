#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints p256_table.c: the multiples of P-256's base point that key generation adds up."""

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
ROWS, MULTIPLES, BITS = 26, 16, 10


def add(a, b):
    """The affine sum of two points that are not each other's negative."""
    if a == b:
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def words(value):
    """A coordinate in Montgomery form, least significant word first."""
    value = value * 2**256 % P
    return ", ".join("0x%016x" % (value >> (64 * i) & (2**64 - 1)) for i in range(4))


def main():
    print("/* SPDX-License-Identifier: MIT */")
    print("/* Printed by p256_table.py: see p256_point.h. tests/unit/kex.c checks each entry. */")
    print("/* clang-format off */")
    print('#include "lib/crypto/p256_point.h"\n')
    print("const struct p256_affine p256_base_table[P256_WINDOWS / 2][P256_WINDOW_MAX] = {")
    base = G
    for row in range(ROWS):
        print("\t{ /* 2^%d G */" % (BITS * row))
        point = base
        for multiple in range(MULTIPLES):
            print("\t\t{{{%s}},\n\t\t {{%s}}}," % (words(point[0]), words(point[1])))
            point = add(point, base)
        print("\t},")
        for _ in range(BITS):
            base = add(base, base)
    print("};")


main()
