// SPDX-License-Identifier: Apache-2.0

// Usage: node timing.cjs [FILE]
//
// Takes the processor time of a bucket or assignment of each SDK, on the ids that `buckets --time` takes; with its output in FILE prints the table of both.
'use strict';
const fs = require('node:fs');
const { need, inside, quiet, optimizelyClient, optimizelyExperiment, growthbookClient } = require('./oracle.cjs');

const count = 1024;
const ids = Array.from({ length: count }, (_, i) => `user-${String(i * 7919).padStart(11, '0')}`);
const salt = 'checkout-123';
let sink = 0;

// Nanoseconds of processor time since then.
function spent(start) {
    const { user, system } = process.cpuUsage(start);
    return 1000 * (user + system);
}
function time(run) {
    let best = Infinity;
    for (let round = 0; round < 12; ++round) {
        const start = process.cpuUsage();
        for (let again = 0; again < 8; ++again) {
            for (const id of ids) {
                sink += run(id) ? 1 : 0;
            }
        }
        best = Math.min(best, spent(start) / (8 * count));
    }
    return best;
}
async function timeAsync(run) {
    let best = Infinity;
    for (let round = 0; round < 6; ++round) {
        const start = process.cpuUsage();
        for (const id of ids) {
            sink += (await run(id)) ? 1 : 0;
        }
        best = Math.min(best, spent(start) / count);
    }
    return best;
}

async function main() {
    const rows = [];
    const gb = growthbookClient();
    for (const version of [1, 2]) {
        const experiment = { key: salt, hashVersion: version, variations: [0, 1] };
        rows.push([`growthbook-v${version}`, 'runInlineExperiment', time((id) => gb.runInlineExperiment(experiment, { attributes: { id } }).bucket)]);
    }
    const { normalizedStrategyValue } = inside('unleash-client', 'lib/strategy/util.js');
    rows.push(['unleash-strategy', 'normalizedStrategyValue', time((id) => normalizedStrategyValue(id, salt))]);
    const { selectVariantDefinition } = inside('unleash-client', 'lib/variant.js');
    const variants = [{ name: 'a', weight: 500 }, { name: 'b', weight: 500 }];
    rows.push(['unleash-variant', 'selectVariantDefinition', time((userId) => selectVariantDefinition(salt, 'default', variants, { userId }))]);
    const optimizely = optimizelyClient([optimizelyExperiment('123456789012', [[0, 5000], [1, 10000]])]);
    rows.push(['optimizely', 'getVariation', time((id) => optimizely.getVariation('e123456789012', id))]);
    const ld = need('@launchdarkly/node-server-sdk');
    const { TestData } = inside('@launchdarkly/node-server-sdk', 'dist/src/integrations.js');
    const data = new TestData();
    const client = ld.init('sdk-key', { updateProcessor: data.getFactory(), sendEvents: false, diagnosticOptOut: true, logger: quiet });
    await client.waitForInitialization({ timeout: 10 });
    await data.usePreconfiguredFlag({
        key: 'checkout', version: 1, on: true, salt: '123', offVariation: 0, variations: [false, true], targets: [], rules: [], prerequisites: [],
        fallthrough: { rollout: { contextKind: 'user', variations: [{ variation: 0, weight: 50000 }, { variation: 1, weight: 50000 }] } },
    });
    rows.push(['launchdarkly', 'variation', await timeAsync((key) => client.variation('checkout', { kind: 'user', key }, false))]);
    client.close();
    const { Assignment, Ops } = inside('planout', 'dist/planout_core_compatible.js');
    rows.push(['planout', 'WeightedChoice', time((unit) => {
        const assignment = new Assignment('checkout');
        assignment.set('123', new Ops.Random.WeightedChoice({ choices: [0, 1], weights: [1, 1], unit }));
        return assignment.get('123');
    })]);
    const { FlagdCore } = need('@openfeature/flagd-core');
    const core = new FlagdCore(undefined, quiet);
    core.setConfigurations(JSON.stringify({ flags: { [salt]: { state: 'ENABLED', defaultVariant: 'a', variants: { a: 'a', b: 'b' }, targeting: { fractional: [['a', 50], ['b', 50]] } } } }));
    rows.push(['flagd', 'resolveStringEvaluation', time((targetingKey) => core.resolveStringEvaluation(salt, 'a', { targetingKey }, quiet))]);
    const { MD5Sharder } = inside('@eppo/js-client-sdk-common', 'dist/sharders.js');
    const sharder = new MD5Sharder();
    rows.push(['eppo', 'MD5Sharder', time((id) => sharder.getShard(`${salt}-${id}`, 10000))]);
    const { sha256Hash } = inside('statsig-node', 'dist/utils/Hashing.js');
    rows.push(['statsig', 'sha256Hash, not cached', time((id) => sha256Hash(`checkout.123.${id}`).getBigUint64(0, false) % 10000n)]);
    const { bucket } = inside('@splitsoftware/splitio-commons', 'cjs/utils/murmur3/murmur3.js');
    rows.push(['split', 'bucket', time((id) => bucket(id, 123))]);
    const { getBucketedNumber } = need('@featurevisor/sdk');
    rows.push(['featurevisor', 'getBucketedNumber', time((id) => getBucketedNumber(`${id}.${salt}`))]);

    const file = process.argv[2];
    const ours = file ? Object.fromEntries(fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => line.split(' '))) : {};
    console.log('| scheme           | timed in node                    |  node ns | joust ns | ratio |');
    console.log('|------------------|----------------------------------|---------:|---------:|------:|');
    for (const [name, what, ns] of rows) {
        const own = Number(ours[name]);
        console.log(`| ${name.padEnd(16)} | ${what.padEnd(32)} | ${ns.toFixed(0).padStart(8)} | ${own.toFixed(1).padStart(8)} | ${(ns / own).toFixed(0).padStart(5)} |`);
    }
}
main().then(() => process.exit(sink < 0 ? 1 : 0), (error) => {
    console.error(error);
    process.exit(1);
});
