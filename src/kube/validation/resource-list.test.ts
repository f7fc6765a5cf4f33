import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fieldErrorText } from './field-error.ts'
import { type ResourceRequirements, validateNodeAmounts, validateRequirements } from './resource-list.ts'

const errorsOf = (resources: ResourceRequirements) => validateRequirements(resources, 'r').map(fieldErrorText)

const RULES: readonly (readonly [ResourceRequirements, ...string[]])[] = [
  [{}],
  [{ limits: { cpu: '2', memory: '1Gi', 'example.com/gpu': '1' }, requests: { cpu: '500m', 'example.com/gpu': 1 } }],
  [{ limits: { cpu: '1', 'hugepages-2Mi': '4Mi' }, requests: { 'hugepages-2Mi': '4Mi' } }],
  [{ requests: { 'ephemeral-storage': '1Gi' } }],
  [
    { limits: { cpu: '1' }, requests: { cpu: '1500m' } },
    'r.requests: Invalid value: "1500m": must be less than or equal to cpu limit of 1',
  ],
  [
    { limits: { 'example.com/gpu': '2' }, requests: { 'example.com/gpu': '1' } },
    'r.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2',
  ],
  [
    { requests: { 'example.com/gpu': '1' } },
    'r.limits: Required value: Limit must be set for non overcommitable resources',
  ],
  [{ limits: { 'example.com/gpu': '500m' } }, 'r.limits[example.com/gpu]: Invalid value: "500m": must be an integer'],
  [{ limits: { memory: '-1' } }, 'r.limits[memory]: Invalid value: "-1": must be greater than or equal to 0'],
  [{ requests: { pods: '1' } }, 'r.requests[pods]: Invalid value: "pods": must be a standard resource for containers'],
  [
    { requests: { gpu: '1' } },
    'r.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
    'r.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers',
  ],
  [
    { limits: { 'requests.example.com/gpu': '1' } },
    `r.limits[requests.example.com/gpu]: Invalid value: "requests.example.com/gpu": doesn't follow extended resource name standard`,
  ],
  [{ limits: { 'hugepages-2Mi': '4Mi' } }, 'r: Forbidden: HugePages require cpu or memory'],
]

describe('what containers ask for', () => {
  for (const [resources, ...expected] of RULES) {
    test(JSON.stringify(resources), () => {
      assert.deepEqual(errorsOf(resources), expected)
    })
  }
  test('a name that is none', () => {
    assert.match(
      errorsOf({ limits: { 'a b': '1' } })[0] ?? '',
      /^r\.limits\[a b\]: Invalid value: "a b": name part must/,
    )
  })
})

test('what a node has is not negative, and whole where it cannot be parted', () => {
  const errors = validateNodeAmounts({ cpu: '1500m', pods: '1.5', memory: '-1Gi', 'odd name': '1' }, 'status.capacity')
  assert.deepEqual(errors.map(fieldErrorText), [
    'status.capacity.pods: Invalid value: "1.5": must be an integer',
    'status.capacity.memory: Invalid value: "-1Gi": must be greater than or equal to 0',
  ])
})
