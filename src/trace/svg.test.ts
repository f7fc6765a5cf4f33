import assert from 'node:assert/strict'
import { test } from 'node:test'
import { predictionSvg } from './svg.ts'
import { asked, testWorld } from './test-world.ts'
import { predictionTree, verdictLines } from './tree.ts'

const atlas = testWorld({
  services: [{ name: 'web' }],
  pods: [1, 2].map((node) => ({ name: `web-${node}`, labels: { app: 'web' }, node: node as 1 | 2 })),
})

test('a picture has a box for every hop, a column for every endpoint, and the verdict', () => {
  const svg = predictionSvg(asked(atlas, 'client', 'svc/web'))
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="680"/)
  assert.equal(svg.match(/<rect /g)?.length, 13)
  assert.equal(svg.match(/>answers</g)?.length, 2)
  assert.ok(svg.endsWith('reachable</text>\n</svg>'))
  const failed = predictionSvg(asked(atlas, 'client', 'svc/web:81'))
  assert.match(failed, /Service default\/web has no port 81\/TCP/)
  assert.doesNotMatch(failed, /[^-]->/)
})

test('a tree tells hops, choice, endpoints and the way back without colour', () => {
  const prediction = asked(atlas, 'client', 'web')
  const text = [...predictionTree(prediction), ...verdictLines(prediction)].join('\n')
  assert.match(text, /^pod default\/client on node-1 -> web \(TCP\)\n├─ name web: asks 10\.96\.0\.10, ndots 5/)
  assert.match(text, /web\.default\.svc\.cluster\.local 10\.96\.0\.21 \(Service default\/web\)/)
  assert.match(
    text,
    /└─ 50 % 10\.244\.2\.5:8080 Pod default\/web-2\n {3}├─ node-1: destination 10\.96\.0\.21:80 becomes/,
  )
  assert.match(text, /by flannel\.1 \(VXLAN 1\) in UDP 192\.168\.0\.1 -> 192\.168\.0\.2:8472 to node-2/)
  assert.ok(text.endsWith('=> reachable'))
})
