// SPDX-License-Identifier: Apache-2.0

// Unit ids that have broken somebody's port: every script, every length around a hash's blocks, and very long ones.
'use strict';

/** A small random engine, so that every run asks the same questions. */
class Random {
    constructor(seed) { this.state = BigInt(seed) & 0xffffffffffffffffn; }
    next() {
        this.state = (this.state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
        let x = this.state;
        x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
        x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
        return Number((x ^ (x >> 31n)) >> 32n);
    }
    below(n) { return Math.floor(this.next() / 4294967296 * n); }
    uniform() { return this.next() / 4294967296; }
    pick(list) { return list[this.below(list.length)]; }
}

const accents = 'àéîõüßñçøåæœžščřďťňůőűąęłżźćğışâêôëïöÄÖÜÉÈÀ';
const scripts = 'абвгдежзиклмнопрстуфхцчшщыэюяαβγδεζηθλμπσφψωאבגדהוזחטיכלמנابتثجحخدذرزسशषसहक्षत्रज्ञกขคงจ';
const cjk = '你好世界用户测试数据模型日本語テスト利用者名前ひらがなカタカナ한국어사용자이름';
const emoji = ['😀', '🚀', '🎉', '👩‍💻', '🇩🇪', '👍🏽', '❤️', '🧪', '𝔘', '𠜎', '𝟘'];
const cjkList = [...cjk], accentList = [...accents], scriptList = [...scripts];

function ascii(random, length) {
    let text = '';
    while (text.length < length) {
        text += String.fromCharCode(32 + random.below(95));
    }
    return text;
}
function of(random, list, length) {
    let text = '';
    for (let i = 0; i < length; ++i) {
        text += random.pick(list);
    }
    return text;
}
function uuid(random) {
    const hex = () => random.below(65536).toString(16).padStart(4, '0');
    return `${hex()}${hex()}-${hex()}-${hex()}-${hex()}-${hex()}${hex()}${hex()}`;
}

const kinds = ['number', 'uuid', 'mail', 'ASCII', 'accents', 'scripts', 'CJK', 'emoji', 'mixed', 'edges', 'long'];

/** One id of a kind; never empty, never with half a surrogate pair. */
function id(random, kind, index) {
    switch (kind) {
    case 'number': return String(random.below(2) ? index : random.next());
    case 'uuid': return uuid(random);
    case 'mail': return `user.${random.next().toString(36)}@example.${random.pick(['com', 'org', 'de'])}`;
    case 'ASCII': return ascii(random, 1 + random.below(60));
    case 'accents': return ascii(random, random.below(12)) + of(random, accentList, 1 + random.below(8)) + random.below(1e6);
    case 'scripts': return of(random, scriptList, 1 + random.below(20));
    case 'CJK': return of(random, cjkList, 1 + random.below(12)) + (random.below(2) ? random.below(1e5) : '');
    case 'emoji': return (random.below(2) ? ascii(random, random.below(9)) : '') + of(random, emoji, 1 + random.below(6)) + random.below(1e4);
    case 'mixed': return of(random, [...cjkList, ...emoji, ...accentList, ...scriptList, 'a', '0', '-', ':', '.', '\u0001', '\u007f', '\u0080', '\u07ff', '\u0800', '\uffff', '\ufffd', '\ufeff'], 1 + random.below(24));
    case 'edges': return ascii(random, 1 + random.below(200));
    default: return of(random, random.below(2) ? ['user-', 'x'] : [...cjkList, ...emoji, 'abc'], 300 + random.below(3000));
    }
}

/** `count` ids, mixed; one in a thousand is very long. */
function* ids(seed, count, only) {
    const random = new Random(seed);
    for (let i = 0; i < count; ++i) {
        const kind = only ? random.pick(only) : random.below(1000) === 0 ? 'long' : random.pick(kinds.slice(0, -1));
        yield id(random, kind, i);
    }
}

/** Bytes that are no UTF-8, with the text that a decoder of the web makes of them. */
function* broken(seed, count) {
    const random = new Random(seed);
    const pieces = [[0x80], [0xc0, 0xaf], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80],
        [0xe0, 0x80], [0xe0, 0xa0], [0xf0, 0x80], [0xf5], [0xff], [0xc2], [0xf0, 0x9f], [0xf1, 0x80, 0x80], [0x41], [0x7a], [0xc3, 0xa9],
        [0xe4, 0xbd, 0xa0], [0xf0, 0x9f, 0x98, 0x80], [0xef, 0xbf, 0xbd], [0xee, 0x80], [0xed, 0x9f], [0xbf], [0xc1]];
    for (let i = 0; i < count; ++i) {
        const bytes = [];
        for (let n = 1 + random.below(8); n > 0; --n) {
            bytes.push(...(random.below(4) === 0 ? [random.below(256)] : random.pick(pieces)));
        }
        yield Buffer.from(bytes);
    }
}

module.exports = { Random, ids, id, broken, kinds };
