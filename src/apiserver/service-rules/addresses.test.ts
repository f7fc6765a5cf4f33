import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openTestBench, type TestBench } from '../test-bench.ts'
import {
  type CreateRule,
  causesOf,
  change,
  checkCreateRules,
  checkUpdateRules,
  create,
  manifest,
  openDualStack,
  PORTS,
  remove,
  replace,
  SERVICES,
  type UpdateRule,
} from './service-rules.test-kit.ts'

const NO_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
const ONLY_DUAL = "must be 'RequireDualStack' or 'PreferDualStack' when multiple"
const OUTSIDE = 'the provided network does not match the current range'

const ip = (...clusterIPs: readonly string[]) => ({ clusterIP: clusterIPs[0], clusterIPs })
const REQUIRED = { ipFamilyPolicy: 'RequireDualStack' }

const RULES: readonly CreateRule[] = [
  ['no address', { clusterIP: 'x' }, [['Invalid', 'spec.clusterIPs[0]', `Invalid value: "x": ${NO_IP}`]]],
  [
    'leading zeros',
    { clusterIP: '10.096.0.9' },
    [['Invalid', 'spec.clusterIPs[0]', 'Invalid value: "10.096.0.9": must not have leading 0s']],
  ],
  [
    'IPv4 in IPv6',
    { clusterIP: '::ffff:10.96.0.9' },
    [['Invalid', 'spec.clusterIPs[0]', 'Invalid value: "::ffff:10.96.0.9": must not be an IPv4-mapped IPv6 address']],
  ],
  [
    'a list without the single one',
    { clusterIPs: ['10.96.0.9'] },
    [['Invalid', 'spec.clusterIPs', 'Invalid value: ["10.96.0.9"]: must be empty when `clusterIP` is not specified']],
  ],
  [
    'a list that begins with another',
    { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.8'] },
    [['Invalid', 'spec.clusterIPs', 'Invalid value: ["10.96.0.8"]: first value must match `clusterIP`']],
  ],
  [
    'None with an address',
    ip('None', '10.96.0.9'),
    [['Invalid', 'spec.clusterIPs', 'Invalid value: ["None","10.96.0.9"]: \'None\' must be the first and only value']],
  ],
  ['None second', ip('10.96.0.9', 'None'), [['Invalid', 'spec.clusterIPs[1]', `Invalid value: "None": ${NO_IP}`]]],
  [
    'three addresses',
    ip('10.96.0.9', 'fd00:10:96::9', '10.96.0.8'),
    [
      [
        'Invalid',
        'spec.clusterIPs',
        'Invalid value: ["10.96.0.9","fd00:10:96::9","10.96.0.8"]: may only hold up to 2 values',
      ],
    ],
  ],
  [
    'two addresses of one family',
    { ...REQUIRED, ...ip('10.96.0.9', '10.96.0.8') },
    [
      [
        'Invalid',
        'spec.clusterIPs',
        'Invalid value: ["10.96.0.9","10.96.0.8"]: may specify no more than one IP for each IP family',
      ],
    ],
  ],
  [
    'an unknown family',
    { ipFamilies: ['IPv5'] },
    [['NotSupported', 'spec.ipFamilies[0]', 'Unsupported value: "IPv5": supported values: "IPv4", "IPv6"']],
  ],
  [
    'a family twice',
    { ...REQUIRED, ipFamilies: ['IPv4', 'IPv4'] },
    [['Duplicate', 'spec.ipFamilies[1]', 'Duplicate value: "IPv4"']],
  ],
  [
    'an unknown policy',
    { ipFamilyPolicy: 'Odd' },
    [
      [
        'NotSupported',
        'spec.ipFamilyPolicy',
        'Unsupported value: "Odd": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
      ],
    ],
  ],
  [
    'an address of another family than said',
    { clusterIP: 'fd00:10:96::9', ipFamilies: ['IPv4'] },
    [
      [
        'Invalid',
        'spec.clusterIPs[0]',
        'Invalid value: "fd00:10:96::9": expected an IPv4 value as indicated by `ipFamilies[0]`',
      ],
    ],
  ],
  [
    'the other way round',
    { clusterIP: '10.96.0.9', ipFamilies: ['IPv6'] },
    [
      [
        'Invalid',
        'spec.clusterIPs[0]',
        'Invalid value: "10.96.0.9": expected an IPv6 value as indicated by `ipFamilies[0]`',
      ],
    ],
  ],
  [
    'two addresses without a policy',
    ip('10.96.0.9', 'fd00:10:96::9'),
    [['Invalid', 'spec.ipFamilyPolicy', `Invalid value: "SingleStack": ${ONLY_DUAL} cluster IPs are specified`]],
  ],
  [
    'two families with SingleStack',
    { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4', 'IPv6'] },
    [['Invalid', 'spec.ipFamilyPolicy', `Invalid value: "SingleStack": ${ONLY_DUAL} IP families are specified`]],
  ],
  [
    'an address outside the ranges',
    { clusterIP: '10.97.0.1' },
    [['Invalid', 'spec.clusterIPs', `Invalid value: ["10.97.0.1"]: failed to allocate IP 10.97.0.1: ${OUTSIDE}`]],
  ],
  [
    'the address of the network',
    { clusterIP: '10.96.0.0' },
    [['Invalid', 'spec.clusterIPs', `Invalid value: ["10.96.0.0"]: failed to allocate IP 10.96.0.0: ${OUTSIDE}`]],
  ],
  [
    'the broadcast address',
    { clusterIP: '10.96.255.255' },
    [
      [
        'Invalid',
        'spec.clusterIPs',
        `Invalid value: ["10.96.255.255"]: failed to allocate IP 10.96.255.255: ${OUTSIDE}`,
      ],
    ],
  ],
  [
    'the address of another Service',
    { clusterIP: '10.96.0.1' },
    [
      [
        'Invalid',
        'spec.clusterIPs',
        'Invalid value: ["10.96.0.1"]: failed to allocate IP 10.96.0.1: provided IP is already allocated',
      ],
    ],
  ],
  [
    'external: no address',
    { externalIPs: ['x'] },
    [['Invalid', 'spec.externalIPs[0]', `Invalid value: "x": ${NO_IP}`]],
  ],
  [
    'external: special ones',
    { externalIPs: ['0.0.0.0', '127.0.0.1', 'fe80::1', '224.0.0.1', '::', '::1', 'ff02::1'] },
    [
      ['Invalid', 'spec.externalIPs[0]', 'Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)'],
      [
        'Invalid',
        'spec.externalIPs[1]',
        'Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      ],
      [
        'Invalid',
        'spec.externalIPs[2]',
        'Invalid value: "fe80::1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
      ],
      [
        'Invalid',
        'spec.externalIPs[3]',
        'Invalid value: "224.0.0.1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
      ],
      ['Invalid', 'spec.externalIPs[4]', 'Invalid value: "::": may not be unspecified (::)'],
      [
        'Invalid',
        'spec.externalIPs[5]',
        'Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      ],
      [
        'Invalid',
        'spec.externalIPs[6]',
        'Invalid value: "ff02::1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
      ],
    ],
  ],
]

const SINGLE = ip('10.96.0.9')
const DUAL = { ...REQUIRED, ...ip('10.96.0.9', 'fd00:10:96::9') }

const CHANGES: readonly UpdateRule[] = [
  [
    'the address',
    SINGLE,
    ip('10.96.0.8'),
    [['Invalid', 'spec.clusterIPs[0]', 'Invalid value: ["10.96.0.8"]: may not change once set']],
  ],
  [
    'the single one alone, which means the list',
    SINGLE,
    { clusterIP: '10.96.0.8' },
    [['Invalid', 'spec.clusterIPs[0]', 'Invalid value: ["10.96.0.8"]: may not change once set']],
  ],
  [
    'the list alone',
    SINGLE,
    { clusterIPs: ['10.96.0.8'] },
    [['Invalid', 'spec.clusterIPs', 'Invalid value: ["10.96.0.8"]: first value must match `clusterIP`']],
  ],
  [
    'to headless',
    SINGLE,
    ip('None'),
    [['Invalid', 'spec.clusterIPs[0]', 'Invalid value: ["None"]: may not change once set']],
  ],
  [
    'from headless',
    { selector: { app: 'a' }, ...ip('None') },
    ip('10.96.0.9'),
    [['Invalid', 'spec.clusterIPs[0]', 'Invalid value: ["10.96.0.9"]: may not change once set']],
  ],
  [
    'the second address away, without saying so',
    DUAL,
    ip('10.96.0.9'),
    [
      [
        'Invalid',
        'spec.ipFamilyPolicy',
        `Invalid value: "RequireDualStack": must be 'SingleStack' to release the secondary cluster IP`,
      ],
    ],
  ],
  [
    'the second family away, without saying so',
    DUAL,
    { ipFamilies: ['IPv4'] },
    [
      [
        'Invalid',
        'spec.ipFamilyPolicy',
        `Invalid value: "RequireDualStack": must be 'SingleStack' to release the secondary IP family`,
      ],
    ],
  ],
  [
    'the second address for another',
    DUAL,
    ip('10.96.0.9', 'fd00:10:96::8'),
    [['Invalid', 'spec.clusterIPs[1]', 'Invalid value: ["10.96.0.9","fd00:10:96::8"]: may not change once set']],
  ],
  [
    'the order',
    DUAL,
    { ...ip('fd00:10:96::9', '10.96.0.9'), ipFamilies: ['IPv6', 'IPv4'] },
    [
      ['Invalid', 'spec.clusterIPs[0]', 'Invalid value: ["fd00:10:96::9","10.96.0.9"]: may not change once set'],
      ['Invalid', 'spec.clusterIPs[1]', 'Invalid value: ["fd00:10:96::9","10.96.0.9"]: may not change once set'],
      ['Invalid', 'spec.ipFamilies[0]', 'Invalid value: ["IPv6","IPv4"]: may not change once set'],
      ['Invalid', 'spec.ipFamilies[0]', 'Invalid value: ["IPv6","IPv4"]: may not change once set'],
    ],
  ],
  [
    'a second address that another has',
    SINGLE,
    { ...REQUIRED, ...ip('10.96.0.9', 'fd00:10:96::7') },
    [
      [
        'Invalid',
        'spec.clusterIPs',
        'Invalid value: ["10.96.0.9","fd00:10:96::7"]: failed to allocate IP fd00:10:96::7: provided IP is already allocated',
      ],
    ],
  ],
]

describe('addresses of a Service', () => {
  let bench: TestBench
  before(async () => {
    bench = await openDualStack()
    const other = manifest({ clusterIP: 'fd00:10:96::7' }, { name: 'other' })
    assert.equal((await bench.call('POST', SERVICES, other)).status, 201)
  })
  after(() => bench[Symbol.asyncDispose]())

  it('are refused, each with its reason', () => checkCreateRules(bench, RULES))

  it('are not changed, each with its reason', () => checkUpdateRules(bench, CHANGES))

  it('of one family cannot be said to be of the other', async () => {
    const stored = await create(bench, { ipFamilies: ['IPv6'] })
    const spec = { ...stored.spec, ipFamilies: ['IPv4'] }
    const answer = await bench.call('PUT', `${SERVICES}/web`, { ...stored, spec })
    assert.deepEqual(causesOf(answer), [
      [
        'Invalid',
        'spec.clusterIPs[0]',
        `Invalid value: "${stored.spec.clusterIP}": expected an IPv4 value as indicated by \`ipFamilies[0]\``,
      ],
    ])
    await remove(bench)
  })

  const families: readonly (readonly [string, object, readonly string[], string])[] = [
    ['nothing said', {}, ['IPv4'], 'SingleStack'],
    ['a family', { ipFamilies: ['IPv6'] }, ['IPv6'], 'SingleStack'],
    ['an address', { clusterIP: 'fd00:10:96::a' }, ['IPv6'], 'SingleStack'],
    ['two preferred', { ipFamilyPolicy: 'PreferDualStack' }, ['IPv4', 'IPv6'], 'PreferDualStack'],
    ['two required', REQUIRED, ['IPv4', 'IPv6'], 'RequireDualStack'],
    ['two required, one named', { ...REQUIRED, ipFamilies: ['IPv6'] }, ['IPv6', 'IPv4'], 'RequireDualStack'],
    ['two required, one by address', { ...REQUIRED, clusterIP: 'fd00:10:96::a' }, ['IPv6', 'IPv4'], 'RequireDualStack'],
    ['headless, with a selector', { clusterIP: 'None', selector: { a: 'b' } }, ['IPv4'], 'SingleStack'],
    ['headless, without', { clusterIP: 'None' }, ['IPv4', 'IPv6'], 'RequireDualStack'],
    ['headless, without, one named', { clusterIP: 'None', ipFamilies: ['IPv6'] }, ['IPv6', 'IPv4'], 'RequireDualStack'],
    ['headless, without, single', { clusterIP: 'None', ipFamilyPolicy: 'SingleStack' }, ['IPv4'], 'SingleStack'],
  ]
  for (const [name, spec, ipFamilies, ipFamilyPolicy] of families) {
    it(`get families: ${name}`, async () => {
      const made = (await create(bench, spec)).spec
      assert.deepEqual([made.ipFamilies, made.ipFamilyPolicy], [ipFamilies, ipFamilyPolicy])
      const found = made.clusterIPs.map((each: string) => (each.includes(':') ? 'IPv6' : 'IPv4'))
      assert.deepEqual(found, made.clusterIP === 'None' ? ['IPv4'] : ipFamilies)
      assert.equal(made.clusterIP, made.clusterIPs[0])
      await remove(bench)
    })
  }

  it('are kept by a write that does not name them, also the second, and the policy', async () => {
    const { spec } = await create(bench, DUAL)
    const again = (await replace(bench, { selector: { a: 'b' } })).spec
    assert.deepEqual(
      [again.clusterIPs, again.ipFamilies, again.ipFamilyPolicy],
      [spec.clusterIPs, spec.ipFamilies, spec.ipFamilyPolicy],
    )
    await remove(bench)
  })

  it('are upgraded and downgraded by the policy alone, and nothing of them leaks', async () => {
    const { spec } = await create(bench, { clusterIP: '10.96.0.9' })
    const up = (await change(bench, { ipFamilyPolicy: 'PreferDualStack' })).spec
    assert.deepEqual([up.clusterIPs.length, up.clusterIPs[0], up.ipFamilies], [2, spec.clusterIP, ['IPv4', 'IPv6']])
    const second = `/apis/networking.k8s.io/v1/ipaddresses/${up.clusterIPs[1]}`
    assert.equal((await bench.call('GET', second)).status, 200)
    const down = (await change(bench, { ipFamilyPolicy: 'SingleStack' })).spec
    assert.deepEqual([down.clusterIPs, down.ipFamilies], [[spec.clusterIP], ['IPv4']])
    assert.equal((await bench.call('GET', second)).status, 404)
    await remove(bench)
  })

  it('of a headless Service may change their families', async () => {
    await create(bench, { clusterIP: 'None', selector: { a: 'b' } })
    const changed = (await change(bench, { ipFamilies: ['IPv6'] })).spec
    assert.deepEqual(changed.ipFamilies, ['IPv6'])
    await remove(bench)
  })
})

describe('addresses on a cluster of one family', () => {
  let bench: TestBench
  before(async () => {
    bench = await openTestBench()
  })
  after(() => bench[Symbol.asyncDispose]())

  it('are of that family', () =>
    checkCreateRules(bench, [
      [
        'two required',
        REQUIRED,
        [
          [
            'Invalid',
            'spec.ipFamilyPolicy',
            'Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
          ],
        ],
      ],
      [
        'the other one',
        { ipFamilies: ['IPv6'] },
        [['Invalid', 'spec.ipFamilies[0]', 'Invalid value: "IPv6": not configured on this cluster']],
      ],
      [
        'an address of the other one',
        { clusterIP: 'fd00::1' },
        [['Invalid', 'spec.clusterIPs[0]', 'Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster']],
      ],
    ]))

  it('may be preferred to be of two, and headless ones of somebody else are', async () => {
    const preferred = (await create(bench, { ipFamilyPolicy: 'PreferDualStack' })).spec
    assert.deepEqual(preferred.ipFamilies, ['IPv4'])
    await remove(bench)
    const headless = (await create(bench, { clusterIP: 'None', ports: PORTS })).spec
    assert.deepEqual(headless.ipFamilies, ['IPv4', 'IPv6'])
    await remove(bench)
  })
})
