// SPDX-License-Identifier: Apache-2.0

// Usage: node oracle.cjs SCHEME COUNT FOLDER
//
// Asks a vendor's SDK COUNT questions. Writes FOLDER/SCHEME.questions, which `buckets` answers too, and FOLDER/SCHEME.answers.
// Texts are written as hexadecimal UTF-8, doubles as the 16 hexadecimal digits of their bits, so nothing is rounded or escaped.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { Random, ids, broken } = require('./ids.cjs');

const root = process.cwd();  // build/interop, where node_modules is
const need = (name) => require(require.resolve(name, { paths: [root] }));
const inside = (name, file) => require(path.join(root, 'node_modules', name, file));

let wide = false;  // whether the question holds a text that is not ASCII
const raw = (bytes) => {
    wide = wide || bytes.some((byte) => byte >= 0x80);
    return bytes.toString('hex') || '-';
};
const hex = (text) => raw(Buffer.from(text, 'utf8'));
const view = new DataView(new ArrayBuffer(8));
const bits = (number) => {
    if (number === null || number === undefined) {
        return 'none';
    }
    view.setFloat64(0, number);
    return view.getBigUint64(0).toString(16).padStart(16, '0');
};
const list = (items, how) => items && items.length ? items.map(how).join(',') : '-';
const pair = ([a, b]) => `${bits(a)}:${bits(b)}`;

/** Salts, keys and groups: mostly ASCII, some not. */
function salts(seed, count) {
    const names = [...ids(seed, count, ['uuid', 'ASCII', 'mail', 'accents', 'CJK', 'emoji'])];
    return ['a', 'checkout-button', 'Feature.UTF-8.Hellø_Wørld', ...names];
}
function weightsOf(random, arms, total) {
    const cuts = Array.from({ length: arms - 1 }, () => random.below(total + 1)).sort((a, b) => a - b);
    return [...cuts, total].map((end, i) => end - (i ? cuts[i - 1] : 0));
}

const schemes = {};

// --- GrowthBook ---------------------------------------------------------------------------------------------------------------

function growthbookClient(payload) {
    const { GrowthBookClient } = need('@growthbook/growthbook');
    return new GrowthBookClient({}).initSync({ payload: payload || { features: {} } });
}
function growthbookBuckets(version) {
    return async function* (count) {
        const client = growthbookClient();
        const random = new Random(version);
        const seeds = salts(10 + version, 60);
        for (const id of ids(100 + version, count)) {
            const seed = random.pick(seeds);
            const result = client.runInlineExperiment({ key: 'k', seed, hashVersion: version, variations: [0, 1, 2], weights: [0.5, 0.3, 0.2] }, { attributes: { id } });
            yield [['growthbook.bucket', hex(seed), hex(id), version], bits(result.bucket)];
        }
    };
}
schemes['growthbook-v1'] = { title: 'GrowthBook v1', package: '@growthbook/growthbook', asks: 'experiment: bucket', run: growthbookBuckets(1) };
schemes['growthbook-v2'] = { title: 'GrowthBook v2', package: '@growthbook/growthbook', asks: 'experiment: bucket', run: growthbookBuckets(2) };
schemes['growthbook-bytes'] = {
    title: 'GrowthBook, any bytes', package: '@growthbook/growthbook', asks: 'experiment: bucket of decoded bytes',
    run: async function* (count) {
        const client = growthbookClient();
        for (const bytes of broken(7, count)) {
            const version = 1 + bytes[0] % 2;
            const id = bytes.toString('utf8');
            if (id !== new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)) {
                throw new Error('decoders disagree');
            }
            const result = client.runInlineExperiment({ key: 'k', hashVersion: version, variations: [0, 1] }, { attributes: { id } });
            yield [['growthbook.bucket', hex('k'), raw(bytes), version], bits(result.bucket)];
        }
    },
};
schemes['growthbook-experiment'] = {
    title: 'GrowthBook experiment', package: '@growthbook/growthbook', asks: 'experiment: variation, in or out',
    run: async function* (count) {
        const client = growthbookClient();
        const random = new Random(3);
        const keys = salts(12, 150);
        const experiments = keys.map((key) => {
            const arms = 2 + random.below(4);
            const experiment = { key, variations: Array.from({ length: arms }, (_, i) => i), hashVersion: 1 + random.below(2) };
            if (random.below(3) === 0) {
                experiment.seed = random.pick(keys);
            }
            if (random.below(4) !== 0) {
                experiment.weights = weightsOf(random, arms, 1000).map((w) => w / 1000);
            }
            if (random.below(2) === 0) {
                experiment.coverage = random.below(1001) / 1000;
            }
            if (random.below(4) === 0) {
                const cuts = weightsOf(random, arms + 1, 10000);
                let at = 0;
                experiment.ranges = Array.from({ length: arms }, (_, i) => [at / 10000, (at += cuts[i]) / 10000]);
            }
            if (random.below(3) === 0) {
                experiment.namespace = [random.pick(keys), random.uniform() / 2, 0.5 + random.uniform() / 2];
            }
            if (random.below(4) === 0) {
                experiment.filters = Array.from({ length: 1 + random.below(2) }, () => ({
                    seed: random.below(4) === 0 ? experiment.seed || key : random.pick(keys), hashVersion: 1 + random.below(2), attribute: 'id',
                    ranges: [[0, random.uniform() / 2], [0.5, 0.5 + random.uniform() / 2]],
                }));
            }
            return experiment;
        });
        for (const [i, e] of experiments.entries()) {
            yield [['growthbook.config', i, hex(e.key), hex(e.seed || ''), e.hashVersion, e.variations.length, list(e.weights, bits),
                bits(e.coverage === undefined ? 1 : e.coverage), list(e.ranges, pair),
                e.namespace ? `${hex(e.namespace[0])}:${bits(e.namespace[1])}:${bits(e.namespace[2])}` : '-',
                e.filters ? e.filters.map((f) => `${hex(f.seed)};${f.hashVersion};${list(f.ranges, pair)}`).join('/') : '-'], null];
        }
        for (const id of ids(103, count)) {
            const i = random.below(experiments.length);
            const result = client.runInlineExperiment(experiments[i], { attributes: { id } });
            yield [['growthbook.split', i, hex(id)], `${result.variationId} ${result.inExperiment ? 1 : 0}`];
        }
        yield [['growthbook.split', 0, '-'], (() => {
            const result = client.runInlineExperiment(experiments[0], { attributes: { id: '' } });
            return `${result.variationId} ${result.inExperiment ? 1 : 0}`;
        })()];
    },
};
schemes['growthbook-rollout'] = {
    title: 'GrowthBook rollout', package: '@growthbook/growthbook', asks: 'feature rule: on or off',
    run: async function* (count) {
        const random = new Random(4);
        const rules = salts(13, 60).map((seed, i) => ({ seed, coverage: i === 0 ? 0 : i === 1 ? 1 : random.below(1001) / 1000, hashVersion: 1 + random.below(2) }));
        const features = Object.fromEntries(rules.map((rule, i) => [`f${i}`, { defaultValue: 0, rules: [{ force: 1, ...rule }] }]));
        const client = growthbookClient({ features });
        for (const id of ids(104, count)) {
            const i = random.below(rules.length);
            const rule = rules[i];
            yield [['growthbook.rollout', hex(rule.seed), hex(id), bits(rule.coverage), rule.hashVersion],
                String(client.evalFeature(`f${i}`, { attributes: { id } }).value)];
        }
    },
};

// --- Unleash ------------------------------------------------------------------------------------------------------------------

schemes['unleash-strategy'] = {
    title: 'Unleash strategy', package: 'unleash-client', asks: 'normalizedStrategyValue (internal)',
    run: async function* (count) {
        const { normalizedStrategyValue } = inside('unleash-client', 'lib/strategy/util.js');
        const random = new Random(20);
        const groups = salts(20, 60);
        for (const id of ids(120, count)) {
            const group = random.pick(groups);
            yield [['unleash.normalized', hex(group), hex(id)], String(normalizedStrategyValue(id, group))];
        }
        yield [['unleash.normalized', hex('group'), '-'], String(normalizedStrategyValue('', 'group'))];
    },
};
schemes['unleash-bytes'] = {
    title: 'Unleash, any bytes', package: 'unleash-client', asks: 'normalizedStrategyValue of decoded bytes',
    run: async function* (count) {
        const { normalizedStrategyValue } = inside('unleash-client', 'lib/strategy/util.js');
        for (const bytes of broken(8, count)) {
            yield [['unleash.normalized', hex('group'), raw(bytes)], String(normalizedStrategyValue(bytes.toString('utf8'), 'group'))];
        }
    },
};
schemes['unleash-variant'] = {
    title: 'Unleash variant', package: 'unleash-client', asks: 'selectVariantDefinition (internal), with overrides',
    run: async function* (count) {
        const { selectVariantDefinition } = inside('unleash-client', 'lib/variant.js');
        const random = new Random(21);
        const groups = salts(21, 60);
        for (const id of ids(121, count)) {
            const group = random.pick(groups);
            const weights = random.below(50) === 0 ? [0, 0] : weightsOf(random, 2 + random.below(4), random.pick([100, 1000, 7, 997]));
            const variants = weights.map((weight, index) => ({ name: String(index), weight, stickiness: 'default' }));
            const forced = random.below(10) === 0 ? random.below(weights.length) : -1;
            if (forced >= 0) {
                variants[forced].overrides = [{ contextName: 'userId', values: ['somebody', id] }];
            }
            const found = selectVariantDefinition(group, 'default', variants, { userId: id });
            yield [['unleash.variant', hex(group), hex(id), weights.join(','), forced], found ? found.name : 'none'];
        }
    },
};
schemes['unleash-flag'] = {
    title: 'Unleash flag', package: 'unleash-client', asks: 'flexibleRollout: enabled and variant (internal)',
    run: async function* (count) {
        const Strategy = inside('unleash-client', 'lib/strategy/flexible-rollout-strategy.js').default;
        const strategy = new Strategy();
        const random = new Random(22);
        const flags = salts(22, 100).map((group, i) => ({
            group, rollout: i === 0 ? 1 : i === 1 ? 100 : 1 + random.below(100),
            weights: i % 3 === 0 ? [] : weightsOf(random, 2 + random.below(3), 1000),
        }));
        for (const [i, flag] of flags.entries()) {
            yield [['unleash.config', i, hex(flag.group), bits(flag.rollout), list(flag.weights, String)], null];
        }
        for (const id of ids(122, count)) {
            const i = random.below(flags.length);
            const { group, rollout, weights } = flags[i];
            const variants = weights.map((weight, index) => ({ name: String(index), weight }));
            const result = strategy.getResult({ groupId: group, rollout, stickiness: 'default' }, { userId: id }, [], variants);
            const answer = weights.length === 0 ? `${result.enabled ? 1 : 0} 1` : result.enabled ? `${result.variant.name} 1` : '0 0';
            yield [['unleash.split', i, hex(id)], answer];
        }
    },
};

schemes['unleash-published'] = {
    title: 'Unleash, its specification', package: '@unleash/client-specification', asks: 'expected results that need no constraints',
    run: async function* () {
        for (const file of inside('@unleash/client-specification', 'specifications/index.json')) {
            const { state, tests = [], variantTests = [] } = inside('@unleash/client-specification', `specifications/${file}`);
            const simple = (name) => {
                const feature = ((state && state.features) || []).find((each) => each.name === name);
                const plain = feature && feature.enabled && !feature.dependencies && feature.strategies.length === 1 && !feature.strategies[0].constraints && !feature.strategies[0].segments;
                return plain ? feature : undefined;
            };
            for (const test of tests) {
                const feature = simple(test.toggleName);
                const { name, parameters = {} } = feature ? feature.strategies[0] : {};
                const id = { gradualRolloutUserId: test.context.userId, gradualRolloutSessionId: test.context.sessionId }[name] ||
                    (name === 'flexibleRollout' && parameters.stickiness !== 'random' &&
                        (parameters.stickiness === 'default' ? test.context.userId || test.context.sessionId : test.context[parameters.stickiness] || (test.context.properties || {})[parameters.stickiness]));
                if (id) {
                    yield [['unleash.enabled', hex(parameters.groupId || test.toggleName), hex(id), bits(Number(parameters.rollout || parameters.percentage))], test.expectedResult ? '1' : '0'];
                }
            }
            for (const test of variantTests) {
                const feature = simple(test.toggleName);
                const strategy = feature && feature.strategies[0];
                const own = strategy && strategy.variants && strategy.variants.length ? strategy.variants : undefined;
                const variants = own || (feature && feature.variants);
                if (!variants || variants.length === 0 || !['default', 'flexibleRollout'].includes(strategy.name)) {
                    continue;
                }
                if (strategy.name === 'flexibleRollout' && Number(strategy.parameters.rollout) !== 100) {
                    continue;
                }
                const stickiness = variants[0].stickiness || (own && strategy.parameters.stickiness) || 'default';
                const id = stickiness === 'default' ? test.context.userId || test.context.sessionId || test.context.remoteAddress
                    : test.context[stickiness] || (test.context.properties || {})[stickiness];
                if (!id || variants.some((each) => each.overrides && each.overrides.length)) {
                    continue;
                }
                const expected = variants.findIndex((each) => each.name === test.expectedResult.name);
                yield [['unleash.variant', hex(own ? strategy.parameters.groupId : feature.name), hex(id), variants.map((each) => each.weight).join(','), -1],
                    expected < 0 ? 'none' : String(expected)];
            }
        }
    },
};

// --- Optimizely ---------------------------------------------------------------------------------------------------------------

const quiet = { debug() {}, info() {}, warn() {}, error() {}, log() {}, setName() {}, child() { return quiet; } };

function optimizelyClient(experiments, groups = []) {
    const { createInstance, createStaticProjectConfigManager } = need('@optimizely/optimizely-sdk');
    const datafile = JSON.stringify({
        version: '4', rollouts: [], typedAudiences: [], anonymizeIP: true, projectId: '1', variables: [], featureFlags: [],
        attributes: [], audiences: [], accountId: '1', events: [], revision: '1', experiments, groups,
    });
    return createInstance({ projectConfigManager: createStaticProjectConfigManager({ datafile }) });
}
function optimizelyExperiment(id, allocation, forced = {}) {
    const arms = [...new Set(allocation.map(([arm]) => arm).filter((arm) => arm >= 0))];
    return {
        status: 'Running', key: `e${id}`, layerId: '1', id, audienceIds: [], forcedVariations: forced,
        variations: arms.map((arm) => ({ variables: [], id: `v${arm}`, key: String(arm) })),
        trafficAllocation: allocation.map(([arm, end]) => ({ entityId: arm < 0 ? '' : `v${arm}`, endOfRange: end })),
    };
}
schemes['optimizely-bucket'] = {
    title: 'Optimizely', package: '@optimizely/optimizely-sdk', asks: 'getVariation of 10,000 variations: bucket',
    run: async function* (count) {
        const experiments = ['1886780721', '10420810910', '9300000061'];
        const client = optimizelyClient(experiments.map((id) => optimizelyExperiment(id, Array.from({ length: 10000 }, (_, i) => [i, i + 1]))));
        const random = new Random(30);
        for (const id of ids(130, count)) {
            const experiment = random.pick(experiments);
            yield [['optimizely.bucket', hex(id), hex(experiment)], String(client.getVariation(`e${experiment}`, id))];
        }
        yield [['optimizely.bucket', '-', hex(experiments[0])], String(client.getVariation(`e${experiments[0]}`, ''))];
    },
};
schemes['optimizely-experiment'] = {
    title: 'Optimizely experiment', package: '@optimizely/optimizely-sdk', asks: 'getVariation, with groups',
    run: async function* (count) {
        const random = new Random(31);
        const plain = [], groups = [], configs = [];
        for (let i = 0; i < 60; ++i) {
            const id = String(10000 + i);
            const arms = 2 + random.below(3);
            const ends = Array.from({ length: arms }, () => random.below(10001)).sort((a, b) => a - b);
            const allocation = ends.map((end, arm) => [random.below(8) === 0 && arm > 0 && arm + 1 < arms ? -1 : arm, end]);
            const config = { id, allocation, group: null };
            if (i % 4 === 3) {
                const start = random.below(5000), end = 5000 + random.below(5001);
                config.group = { id: `90${i}`, start, end };
                groups.push({
                    id: config.group.id, policy: 'random', experiments: [optimizelyExperiment(id, allocation), optimizelyExperiment(`7${id}`, [[0, 10000]])],
                    trafficAllocation: [{ entityId: `7${id}`, endOfRange: start }, { entityId: id, endOfRange: end }],
                });
            } else {
                plain.push(optimizelyExperiment(id, allocation));
            }
            configs.push(config);
        }
        for (const [i, c] of configs.entries()) {
            yield [['optimizely.config', i, hex(c.id), c.allocation.map(([arm, end]) => `${arm}:${end}`).join(','),
                c.group ? `${hex(c.group.id)}:${c.group.start}:${c.group.end}` : '-'], null];
        }
        const client = optimizelyClient(plain, groups);
        for (const id of ids(131, count)) {
            const i = random.below(configs.length);
            const found = client.getVariation(`e${configs[i].id}`, id);
            yield [['optimizely.split', i, hex(id)], found === null ? '0 0' : `${found} 1`];
        }
    },
};

// --- LaunchDarkly -------------------------------------------------------------------------------------------------------------

function launchdarklyBucketer() {
    // The class is not exported; its own source is run, with its name added to the exports.
    const dist = path.join(path.dirname(require.resolve('@launchdarkly/js-server-sdk-common', { paths: [root] })));
    const file = fs.existsSync(path.join(dist, 'index.cjs')) ? 'index.cjs' : 'index.js';
    const Module = require('node:module');
    const common = new Module(path.join(dist, file), null);
    common.filename = path.join(dist, file);
    common.paths = Module._nodeModulePaths(dist);
    common._compile(`${fs.readFileSync(common.filename, 'utf8')}\nmodule.exports.Bucketer = Bucketer;`, common.filename);
    return new common.exports.Bucketer({ createHash: (name) => require('node:crypto').createHash(name) });
}
schemes['launchdarkly-bucket'] = {
    title: 'LaunchDarkly', package: '@launchdarkly/node-server-sdk', asks: 'Bucketer (internal): exact double',
    run: async function* (count) {
        const bucketer = launchdarklyBucketer();
        const random = new Random(40);
        const keys = salts(40, 40);
        for (const id of ids(140, count)) {
            const key = random.pick(keys), salt = random.pick(keys);
            const context = { valueForKind: () => id, kinds: ['user'] };
            const seed = random.below(2) ? undefined : random.below(1e9) - 5e8 || 1;
            const [bucket] = bucketer.bucket(context, key, 'key', salt, 'user', seed);
            yield [seed === undefined ? ['launchdarkly.bucket', hex(key), hex(salt), hex(id)] : ['launchdarkly.seeded', seed, hex(id)], bits(bucket)];
        }
    },
};
schemes['launchdarkly-rollout'] = {
    title: 'LaunchDarkly rollout', package: '@launchdarkly/node-server-sdk', asks: 'variationDetail (TestData): variation, in or out',
    run: async function* (count) {
        const ld = need('@launchdarkly/node-server-sdk');
        const { TestData } = inside('@launchdarkly/node-server-sdk', 'dist/src/integrations.js');
        const random = new Random(41);
        const flags = salts(41, 60).map((salt, i) => {
            const arms = 2 + random.below(3);
            const weights = weightsOf(random, arms + 1, 100000);
            return {
                key: `flag-${i}`, salt, experiment: i % 2 === 1, seed: i % 3 === 0 ? 1 + random.below(1e6) : undefined,
                variations: weights.map((weight, arm) => arm < arms ? { variation: arm, weight } : { variation: 0, weight, untracked: i % 2 === 1 }),
            };
        });
        const data = new TestData();
        const client = ld.init('sdk-key', { updateProcessor: data.getFactory(), sendEvents: false, diagnosticOptOut: true, logger: quiet });
        await client.waitForInitialization({ timeout: 10 });
        for (const flag of flags) {
            await data.usePreconfiguredFlag({
                key: flag.key, version: 1, on: true, salt: flag.salt, offVariation: 0, variations: [0, 1, 2, 3, 4], targets: [], rules: [], prerequisites: [],
                fallthrough: { rollout: { kind: flag.experiment ? 'experiment' : 'rollout', contextKind: 'user', seed: flag.seed, variations: flag.variations } },
            });
        }
        for (const [i, f] of flags.entries()) {
            yield [['launchdarkly.config', i, hex(f.key), hex(f.salt), f.seed === undefined ? 'none' : f.seed,
                f.variations.map((v) => `${v.variation}:${v.weight}:${v.untracked ? 0 : 1}`).join(',')], null];
        }
        for (const id of ids(141, count)) {
            const i = random.below(flags.length);
            const detail = await client.variationDetail(flags[i].key, { kind: 'user', key: id }, -1);
            const enrolled = flags[i].experiment ? detail.reason.inExperiment === true : true;
            yield [['launchdarkly.split', i, hex(id)], `${detail.variationIndex} ${enrolled ? 1 : 0}`];
        }
        client.close();
    },
};

// --- PlanOut ------------------------------------------------------------------------------------------------------------------

schemes.planout = {
    title: 'PlanOut', package: 'planout', asks: 'core_compatible: hash, RandomInteger, choices, BernoulliTrial',
    run: async function* (count) {
        const { Assignment, Ops } = inside('planout', 'dist/planout_core_compatible.js');
        const random = new Random(50);
        const names = salts(50, 40);
        for (const id of ids(150, count)) {
            const experiment = random.pick(names), salt = random.pick(names);
            const arms = 2 + random.below(4);
            const choices = Array.from({ length: arms }, (_, i) => i);
            const weights = choices.map(() => random.pick([0.25, 0.1, 1, 3, random.uniform()]));
            const min = random.below(100) - 50, max = min + random.below(1000), p = random.uniform();
            const unit = random.below(4) === 0 ? [id, String(random.below(1000))] : [id];
            const run = (name, args) => {
                const assignment = new Assignment(experiment);
                const operator = new Ops.Random[name]({ ...args, salt, unit: unit.length === 1 ? unit[0] : unit });
                assignment.set('x', operator);
                return [assignment.get('x'), operator];
            };
            const [integer, operator] = run('RandomInteger', { min, max });
            const hash = BigInt(operator.getHash().toFixed());
            const answers = [hash.toString(16), integer, run('WeightedChoice', { choices, weights })[0], run('UniformChoice', { choices })[0],
                run('BernoulliTrial', { p })[0]];
            yield [['planout', hex(experiment), hex(salt), unit.map(hex).join(','), min, max, list(weights, bits), bits(p)], answers.join(' ')];
        }
    },
};

// --- flagd --------------------------------------------------------------------------------------------------------------------

function flagd(title, command, only) {
    return {
        title, package: '@openfeature/flagd-core', asks: 'fractional: variant',
        run: async function* (count) {
            const { FlagdCore } = need('@openfeature/flagd-core');
            const random = new Random(60);
            const keys = (only ? [...ids(61, 60, only)] : salts(60, 60));
            const flags = keys.map((key) => {
                const arms = 2 + random.below(4);
                return { key, weights: weightsOf(random, arms, random.pick([100, 3, 10007, 2147483647])) };
            });
            const core = new FlagdCore(undefined, quiet);
            core.setConfigurations(JSON.stringify({
                flags: Object.fromEntries(flags.map(({ key, weights }) => [key, {
                    state: 'ENABLED', defaultVariant: 'none', variants: { none: 'none', ...Object.fromEntries(weights.map((_, i) => [`v${i}`, String(i)])) },
                    targeting: { fractional: weights.map((weight, i) => [`v${i}`, weight]) },
                }])),
            }));
            for (const id of ids(only ? 161 : 160, count, only)) {
                const { key, weights } = random.pick(flags);
                const found = core.resolveStringEvaluation(key, 'none', { targetingKey: id }, quiet);
                yield [[command, hex(key), hex(id), weights.join(',')], String(found.value)];
            }
        },
    };
}
schemes.flagd = flagd('flagd, ASCII', 'flagd.fractional', ['number', 'uuid', 'mail', 'ASCII', 'edges']);
schemes['flagd-js'] = flagd('flagd, as JavaScript', 'flagd.overlapping', undefined);
schemes['flagd-bytes'] = {
    title: 'flagd, any bytes, as JavaScript', package: '@openfeature/flagd-core', asks: 'fractional of decoded bytes',
    run: async function* (count) {
        const { FlagdCore } = need('@openfeature/flagd-core');
        const core = new FlagdCore(undefined, quiet);
        core.setConfigurations(JSON.stringify({ flags: { f: { state: 'ENABLED', defaultVariant: 'a', variants: { a: '0', b: '1', c: '2' }, targeting: { fractional: [['a', 400], ['b', 300], ['c', 300]] } } } }));
        for (const bytes of broken(9, count)) {
            yield [['flagd.overlapping', hex('f'), raw(bytes), '400,300,300'], String(core.resolveStringEvaluation('f', 'none', { targetingKey: bytes.toString('utf8') }, quiet).value)];
        }
    },
};

// --- Eppo ---------------------------------------------------------------------------------------------------------------------

schemes['eppo-shard'] = {
    title: 'Eppo', package: '@eppo/js-client-sdk-common', asks: 'MD5Sharder (internal)',
    run: async function* (count) {
        const { MD5Sharder } = inside('@eppo/js-client-sdk-common', 'dist/sharders.js');
        const { hashKey } = inside('@eppo/js-client-sdk-common', 'dist/evaluator.js');
        const sharder = new MD5Sharder();
        const random = new Random(70);
        const names = salts(70, 60);
        for (const id of ids(170, count)) {
            const salt = random.pick(names), total = random.pick([10000, 10000, 100, 1000000, 4294967295]);
            yield [['eppo.shard', hex(salt), hex(id), total], String(sharder.getShard(hashKey(salt, id), total))];
        }
        yield [['eppo.shard', hex('salt'), '-', 10000], String(sharder.getShard(hashKey('salt', ''), 10000))];
    },
};
schemes['eppo-allocation'] = {
    title: 'Eppo allocation', package: '@eppo/js-client-sdk-common', asks: 'Evaluator (internal): variation',
    run: async function* (count) {
        const { Evaluator } = inside('@eppo/js-client-sdk-common', 'dist/evaluator.js');
        const evaluator = new Evaluator();
        const random = new Random(71);
        const names = salts(71, 80);
        const allocations = names.map((key) => {
            const arms = 2 + random.below(3), traffic = random.pick(names), salt = random.pick(names);
            let at = 0;
            const cuts = weightsOf(random, arms, 10000);
            const limit = random.below(2) ? 10000 : random.below(10001);
            const splits = cuts.map((size, arm) => ({
                arm, shards: [
                    ...(limit < 10000 ? [{ salt: traffic, ranges: [{ start: 0, end: Math.floor(limit / 2) }, { start: 10000 - Math.ceil(limit / 2), end: 10000 }] }] : []),
                    { salt, ranges: [{ start: at, end: at += size }] },
                ],
            }));
            return { key, splits };
        });
        for (const [i, a] of allocations.entries()) {
            yield [['eppo.config', i, hex(a.key), a.splits.map((s) => [s.arm, ...s.shards.map((c) => `${hex(c.salt)}=${c.ranges.map((r) => `${r.start}:${r.end}`).join(',')}`)].join(';')).join('/')], null];
        }
        const details = { configEnvironment: { name: 'test' }, configFetchedAt: '', configPublishedAt: '', configFormat: 'SERVER' };
        const flags = allocations.map((a) => ({
            key: a.key, enabled: true, variationType: 'INTEGER', totalShards: 10000,
            variations: Object.fromEntries(a.splits.map((s) => [`v${s.arm}`, { key: `v${s.arm}`, value: s.arm }])),
            allocations: [{ key: 'a', rules: [], doLog: true, splits: a.splits.map((s) => ({ variationKey: `v${s.arm}`, shards: s.shards, extraLogging: {} })) }],
        }));
        for (const id of ids(171, count)) {
            const i = random.below(flags.length);
            const found = evaluator.evaluateFlag(flags[i], details, id, {}, false);
            yield [['eppo.split', i, hex(id)], found.variation ? `${found.variation.value} 1` : '0 0'];
        }
    },
};

// --- Statsig ------------------------------------------------------------------------------------------------------------------

function statsigHashes(command, only) {
    return async function* (count) {
        const { computeUserHash } = inside('statsig-node', 'dist/utils/EvaluatorUtils.js');
        const random = new Random(80);
        const names = only ? [...ids(80, 60, only)] : salts(80, 60);
        for (const id of ids(only ? 180 : 182, count, only)) {
            const salt = random.pick(names), rule = random.pick(names);
            const hash = computeUserHash(`${salt}.${rule}.${id}`), user = computeUserHash(`${salt}.${id}`);
            yield [[command, hex(salt), hex(rule), hex(id)], `${hash % 10000n} ${user % 1000n} ${user.toString(16)}`];
        }
        const [hash, user] = [computeUserHash('salt.rule.'), computeUserHash('salt.')];
        yield [[command, hex('salt'), hex('rule'), '-'], `${hash % 10000n} ${user % 1000n} ${user.toString(16)}`];
    };
}
schemes.statsig = { title: 'Statsig, ASCII', package: 'statsig-node', asks: 'computeUserHash (internal): 64 bits', run: statsigHashes('statsig.hash', ['number', 'uuid', 'mail', 'ASCII', 'edges']) };
schemes['statsig-node'] = { title: 'Statsig, as node', package: 'statsig-node', asks: 'computeUserHash (internal): 64 bits', run: statsigHashes('statsig.node') };
schemes['statsig-gate'] = {
    title: 'Statsig gate and experiment', package: 'statsig-node', asks: 'checkGateSync, getExperimentSync (bootstrapped)',
    run: async function* (count) {
        const statsig = need('statsig-node');
        const random = new Random(81);
        const everyone = { type: 'public', targetValue: null, operator: null, field: null, additionalValues: {}, isDeviceBased: false, idType: 'userID' };
        const bucket = (salt, operator, targetValue) => ({ ...everyone, type: 'user_bucket', operator, targetValue, field: null, additionalValues: { salt } });
        const rule = (id, conditions, value, percentage, salt) => ({ name: id, groupName: id, id, salt, passPercentage: percentage, conditions, returnValue: value, idType: 'userID' });
        const names = salts(81, 40);
        const gates = names.map((salt, i) => ({ name: `g${i}`, salt, rule: random.pick(names), percentage: i === 0 ? 0 : i === 1 ? 100 : random.below(10001) / 100 }));
        const experiments = names.map((salt, i) => {
            const ends = Array.from({ length: 1 + random.below(3) }, () => random.below(1001)).sort((a, b) => a - b);
            const limit = i % 2 ? random.below(1001) : 1000;
            return { name: `e${i}`, salt, ends: [...ends, 1000], layer: `layer ${salt}`, limit };
        });
        const config = (entity, name, salt, rules, value) => ({ name, type: entity === 'feature_gate' ? 'feature_gate' : 'dynamic_config', salt, enabled: true, defaultValue: value, rules, isDeviceBased: false, idType: 'userID', entity, isActive: true });
        const values = {
            has_updates: true, time: 1, layers: {}, layer_configs: [], id_lists: {},
            feature_gates: gates.map((g) => config('feature_gate', g.name, g.salt, [rule('r', [everyone], true, g.percentage, g.rule)], false)),
            dynamic_configs: experiments.map((e) => config('experiment', e.name, e.salt, [
                ...(e.limit < 1000 ? [rule('layerAssignment', [bucket(e.layer, 'gte', e.limit)], { arm: -1 }, 100, 'x')] : []),
                ...e.ends.map((end, arm) => rule(`group${arm}`, [bucket(e.salt, 'lt', end)], { arm }, 100, `x${arm}`)),
            ], { arm: -1 })),
        };
        await statsig.initialize('secret-key', { localMode: true, bootstrapValues: JSON.stringify(values), disableDiagnostics: true, loggingMaxBufferSize: 1e9, loggingIntervalMs: 1e9 });
        for (const [i, g] of gates.entries()) {
            yield [['statsig.gate.config', i, hex(g.salt), hex(g.rule), bits(g.percentage)], null];
        }
        for (const [i, e] of experiments.entries()) {
            yield [['statsig.config', i, hex(e.salt), e.ends.join(','), e.limit < 1000 ? `${hex(e.layer)}:${e.limit}` : '-'], null];
        }
        for (const id of ids(181, count)) {
            const i = random.below(names.length);
            if (random.below(2)) {
                yield [['statsig.gate', i, hex(id)], statsig.checkGateWithExposureLoggingDisabledSync({ userID: id }, gates[i].name) ? '1' : '0'];
            } else {
                const arm = statsig.getExperimentWithExposureLoggingDisabledSync({ userID: id }, experiments[i].name).value.arm;
                yield [['statsig.split', i, hex(id)], arm < 0 ? '0 0' : `${arm} 1`];
            }
        }
    },
};

// --- Split --------------------------------------------------------------------------------------------------------------------

schemes['split-bucket'] = {
    title: 'Split (FME)', package: '@splitsoftware/splitio', asks: 'murmur bucket (internal)',
    run: async function* (count) {
        const { bucket } = inside('@splitsoftware/splitio-commons', 'cjs/utils/murmur3/murmur3.js');
        const random = new Random(90);
        for (const id of ids(190, count)) {
            const seed = random.below(10) === 0 ? 0 : random.next() | 0;
            yield [['split_io.bucket', hex(id), seed], String(bucket(id, seed))];
        }
        yield [['split_io.bucket', '-', 7], String(bucket('', 7))];
    },
};
schemes['split-flag'] = {
    title: 'Split (FME) flag', package: '@splitsoftware/splitio', asks: 'validateKey and engine (internal): treatment',
    run: async function* (count) {
        const { validateKey } = inside('@splitsoftware/splitio-commons', 'cjs/utils/inputValidation/key.js');
        const { engineParser } = inside('@splitsoftware/splitio-commons', 'cjs/evaluator/Engine.js');
        const random = new Random(91);
        const flags = Array.from({ length: 100 }, (_, i) => {
            const seed = random.next() | 0;
            return { seed, sizes: weightsOf(random, 2 + random.below(3), 100), allocation: i % 2 ? 100 : random.below(101), traffic: i % 10 === 0 ? seed : random.next() | 0 };
        });
        const engines = flags.map((flag) => engineParser(quiet, {
            seed: flag.seed, trafficAllocation: flag.allocation, trafficAllocationSeed: flag.traffic, status: 'ACTIVE', killed: false, defaultTreatment: 'out', algo: 2, prerequisites: [],
            conditions: [{
                conditionType: 'ROLLOUT', label: 'all', matcherGroup: { combiner: 'AND', matchers: [{ keySelector: null, matcherType: 'ALL_KEYS', negate: false }] },
                partitions: flag.sizes.map((size, arm) => ({ treatment: String(arm), size })),
            }],
        }, {}));
        const spaces = ['', ' ', '\t\n', '\u00a0', '\ufeff', '\u2003 ', '\u3000', '\u1680', '\u2028', '\u202f', '\u205f', '\u0085', '\u180e', '\u200b'];
        for (const [i, f] of flags.entries()) {
            yield [['split_io.config', i, f.seed, f.sizes.join(','), f.allocation, f.traffic], null];
        }
        for (const id of ids(191, count)) {
            const i = random.below(flags.length);
            const asked = random.below(10) === 0 ? random.pick(spaces) + id + random.pick(spaces) : id;
            // As getTreatment does, which answers 'control' for a key that it refuses.
            const key = validateKey(quiet, asked, 'getTreatment');
            const treatment = key === false ? 'out' : engines[i].getTreatment(key, {}, undefined).treatment;
            yield [['split_io.split', i, hex(asked)], treatment === 'out' ? '0 0' : `${treatment} 1`];
        }
    },
};

// --- Featurevisor -------------------------------------------------------------------------------------------------------------

schemes['featurevisor-bucket'] = {
    title: 'Featurevisor', package: '@featurevisor/sdk', asks: 'getBucketedNumber',
    run: async function* (count) {
        const { getBucketedNumber } = need('@featurevisor/sdk');
        const random = new Random(95);
        const names = salts(95, 60);
        for (const id of ids(195, count)) {
            const feature = random.pick(names);
            yield [['featurevisor.bucket', hex(id), hex(feature)], String(getBucketedNumber(`${id}.${feature}`))];
        }
        yield [['featurevisor.bucket', '-', hex('feature')], String(getBucketedNumber('.feature'))];
    },
};
schemes['featurevisor-feature'] = {
    title: 'Featurevisor feature', package: '@featurevisor/sdk', asks: 'getVariation',
    run: async function* (count) {
        const { createInstance } = need('@featurevisor/sdk');
        const random = new Random(96);
        const features = salts(96, 60).map((key, i) => {
            const arms = 2 + random.below(3);
            const percentage = i % 3 === 0 ? 1 + random.below(100000) : 100000;
            let at = 0;
            const allocation = weightsOf(random, arms, percentage).map((size, arm) => [arm, at, at += size]);
            const ranges = i % 5 === 0 ? [[random.below(30000), 30000 + random.below(30000)]] : [];
            return { key, percentage, allocation, ranges };
        });
        const instance = createInstance({
            logLevel: 'fatal',
            datafile: {
                schemaVersion: '2', revision: '1', segments: {},
                features: Object.fromEntries(features.map((f) => [f.key, {
                    bucketBy: 'userId', variations: f.allocation.map(([arm]) => ({ value: String(arm) })), ...(f.ranges.length ? { ranges: f.ranges } : {}),
                    traffic: [{ key: '1', segments: '*', percentage: f.percentage, allocation: f.allocation.map(([arm, start, end]) => ({ variation: String(arm), range: [start, end] })) }],
                }])),
            },
        });
        for (const [i, f] of features.entries()) {
            yield [['featurevisor.config', i, hex(f.key), f.percentage, f.allocation.map((a) => a.join(':')).join(','), list(f.ranges, (r) => r.join(':'))], null];
        }
        for (const id of ids(196, count)) {
            const i = random.below(features.length);
            const found = instance.getVariation(features[i].key, { userId: id });
            yield [['featurevisor.split', i, hex(id)], found === null || found === undefined ? '0 0' : `${found} 1`];
        }
    },
};

// ------------------------------------------------------------------------------------------------------------------------------

async function main() {
    const [scheme, count, folder] = process.argv.slice(2);
    if (!schemes[scheme]) {
        process.stdout.write(`${Object.keys(schemes).join('\n')}\n`);
        return;
    }
    const questions = fs.openSync(path.join(folder, `${scheme}.questions`), 'w');
    const answers = fs.openSync(path.join(folder, `${scheme}.answers`), 'w');
    let q = [], a = [], notAscii = 0;
    const flush = () => {
        fs.writeSync(questions, q.join(''));
        fs.writeSync(answers, a.join(''));
        q = [];
        a = [];
    };
    for await (const [question, answer] of schemes[scheme].run(Number(count))) {
        q.push(`${question.join('\t')}\n`);
        if (answer !== null) {
            a.push(`${answer}\n`);
            notAscii += wide ? 1 : 0;
        }
        wide = false;
        if (q.length === 4096) {
            flush();
        }
    }
    flush();
    fs.writeFileSync(path.join(folder, `${scheme}.wide`), String(notAscii));
}

module.exports = { schemes, launchdarklyBucketer, optimizelyClient, optimizelyExperiment, growthbookClient, need, inside, quiet };
if (require.main === module) {
    main().then(() => process.exit(0), (error) => {
        console.error(error);
        process.exit(1);
    });
}
