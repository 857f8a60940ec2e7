// SPDX-License-Identifier: Apache-2.0

// Usage: node golden.cjs, from build/interop
//
// Prints the rows of the table in tests/split/interop.cpp: a few ids with the bucket that each vendor's SDK gives them.
'use strict';
const { launchdarklyBucketer, need, inside, quiet, optimizelyClient, optimizelyExperiment, growthbookClient } = require('./oracle.cjs');

const ids = ['', 'a', '42', 'user-1', 'user-2', 'alice@example.com', '01890a5d-ac96-774b-bcce-b302099a8057', 'two words', 'a:b.c-d',
    'x'.repeat(39), 'x'.repeat(40), 'x'.repeat(103), 'é', 'Grüße aus Köln', 'Ж', '你好', '用户-42', 'ﷺ', '😀', '👩‍💻-7', '🇩🇪', '𠜎', 'naïve 你 😀', '한국어'.repeat(9)];

async function main() {
    const gb = growthbookClient();
    const { normalizedStrategyValue, normalizedVariantValue } = inside('unleash-client', 'lib/strategy/util.js');
    const optimizely = optimizelyClient([optimizelyExperiment('1886780721', Array.from({ length: 10000 }, (_, i) => [i, i + 1]))]);
    const bucketer = launchdarklyBucketer();
    const { Assignment, Ops } = inside('planout', 'dist/planout_core_compatible.js');
    const { FlagdCore } = need('@openfeature/flagd-core');
    const core = new FlagdCore(undefined, quiet);
    const thousand = Array.from({ length: 1000 }, (_, i) => [`v${i}`, 1]);
    core.setConfigurations(JSON.stringify({
        flags: { checkout: { state: 'ENABLED', defaultVariant: 'none', variants: { none: '-1', ...Object.fromEntries(thousand.map(([v], i) => [v, String(i)])) }, targeting: { fractional: thousand } } },
    }));
    const { MD5Sharder } = inside('@eppo/js-client-sdk-common', 'dist/sharders.js');
    const { computeUserHash } = inside('statsig-node', 'dist/utils/EvaluatorUtils.js');
    const { bucket } = inside('@splitsoftware/splitio-commons', 'cjs/utils/murmur3/murmur3.js');
    const { getBucketedNumber } = need('@featurevisor/sdk');
    const grown = (key, version, value) => gb.runInlineExperiment({ key, hashVersion: version, variations: [0, 1], weights: [0.5, 0.5] }, { attributes: { id: value } }).bucket;
    for (const each of ids) {
        const assignment = new Assignment('checkout');
        const operator = new Ops.Random.RandomInteger({ min: 0, max: 1, unit: each, salt: 'button' });
        assignment.set('x', operator);
        const context = { valueForKind: () => each, kinds: ['user'] };
        const columns = [
            each === '' ? '-1' : Math.round(grown('checkout', 1, each) * 1000), each === '' ? '-1' : Math.round(grown('checkout', 2, each) * 10000),
            normalizedStrategyValue(each, 'checkout'), normalizedVariantValue(each, 'checkout', 1000),
            optimizely.getVariation('e1886780721', each),
            bucketer.bucket(context, 'checkout', 'key', 'salt', 'user')[0], bucketer.bucket(context, 'checkout', 'key', 'salt', 'user', 61)[0],
            `0x${BigInt(operator.getHash().toFixed()).toString(16)}`,
            core.resolveStringEvaluation('checkout', 'none', { targetingKey: each }, quiet).value,
            new MD5Sharder().getShard(`checkout-${each}`, 10000),
            Number(computeUserHash(`checkout.rule.${each}`) % 10000n), Number(computeUserHash(`checkout.${each}`) % 1000n),
            bucket(each, -1222652054), getBucketedNumber(`${each}.checkout`),
        ];
        console.log(`    {${JSON.stringify(each)}, ${columns.join(', ')}},`);
    }
}
main().then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
});
