// SPDX-License-Identifier: Apache-2.0

// Usage: node compare.cjs FOLDER SCHEME   compare FOLDER/SCHEME.answers with FOLDER/SCHEME.joust line by line; ends with 1 where one differs
//        node compare.cjs FOLDER          print the table of all schemes that were compared
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { schemes } = require('./oracle.cjs');

const [folder, name] = process.argv.slice(2);

function compare() {
    const scheme = schemes[name];
    const installed = JSON.parse(fs.readFileSync(path.join(process.cwd(), 'node_modules', scheme.package, 'package.json'), 'utf8')).version;
    const whole = (ending) => fs.readFileSync(path.join(folder, `${name}.${ending}`), 'utf8');
    const read = (ending) => whole(ending).split('\n').slice(0, -1);
    const theirs = read('answers'), ours = read('joust');
    const asked = read('questions').filter((line) => !/^[a-z_.]*config\t/.test(line));
    if (theirs.length !== ours.length || theirs.length !== asked.length) {
        throw new Error(`${name}: ${asked.length} questions, ${theirs.length} answers, ${ours.length} of joust`);
    }
    let different = 0;
    theirs.forEach((answer, i) => {
        if (answer !== ours[i] && different++ < 3) {
            process.stderr.write(`${name}: ${asked[i].slice(0, 300)}: theirs ${answer}, ours ${ours[i]}\n`);
        }
    });
    const row = {
        title: scheme.title, asked: `${scheme.package} ${installed}: ${scheme.asks}`, ids: theirs.length,
        wide: Number(whole('wide')),
        equal: theirs.length - different, different,
    };
    fs.writeFileSync(path.join(folder, `${name}.row`), JSON.stringify(row));
    return different === 0;
}

function table() {
    const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ',');
    const rows = Object.keys(schemes).map((each) => path.join(folder, `${each}.row`)).filter(fs.existsSync)
        .map((file) => JSON.parse(fs.readFileSync(file, 'utf8')));
    const cells = [['scheme', 'asked of', 'ids', 'not ASCII', 'equal', 'different'],
        ...rows.map((r) => [r.title, r.asked, grouped(r.ids), grouped(r.wide), grouped(r.equal), grouped(r.different)])];
    const widths = cells[0].map((_, c) => Math.max(...cells.map((row) => row[c].length)));
    const line = (row) => `| ${row.map((cell, c) => (c < 2 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join(' | ')} |`;
    console.log(line(cells[0]));
    console.log(`|${widths.map((w, c) => (c < 2 ? '-'.repeat(w + 2) : `${'-'.repeat(w + 1)}:`)).join('|')}|`);
    cells.slice(1).forEach((row) => console.log(line(row)));
    return rows.length > 0 && rows.every((row) => row.different === 0);
}

process.exit((name ? compare() : table()) ? 0 : 1);
