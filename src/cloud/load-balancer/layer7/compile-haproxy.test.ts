import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ListenerPlan } from '../plan.ts'
import { assignServerSlots, compileHaproxy } from './compile-haproxy.ts'
import { parseStat, parseWorkers } from './haproxy-socket.ts'
import { commandsFor, parseServersState } from './layer7-listeners.ts'

const SETTINGS = { directory: '/d', source: '100.64.0.1' }
const LISTENER: ListenerPlan = {
  key: 'lb-1/tcp/80',
  address: '203.0.113.9',
  port: 80,
  protocol: 'http',
  scheduler: 'wrr',
  backends: [
    { key: 'i-1:80', address: '192.168.1.1', port: 30080, weight: 100 },
    { key: 'i-2:80', address: '192.168.1.2', port: 30080, weight: 0 },
  ],
  healthCheck: { type: 'off' },
  acl: { type: 'white', cidrs: ['10.0.0.0/8', '198.51.100.7'] },
  layer7: {
    stickySession: { type: 'insert', timeout: 500 },
    idleTimeout: 15,
    requestTimeout: 60,
    gzip: true,
    forwardedFor: { proto: true, slbPort: true, slbIp: true, slbId: true, clientSrcPort: true },
  },
}

test('a listener with everything on', () => {
  const { text, files, servers } = compileHaproxy([{ listener: LISTENER, serving: new Set(['i-1:80']) }], SETTINGS)
  const [list = ''] = [...files.keys()]
  assert.equal(files.get(list), '10.0.0.0/8\n198.51.100.7\n')
  const cookies = [...text.matchAll(/ cookie ([0-9a-f]{32})/g)].map((match) => match[1])
  assert.equal(new Set(cookies).size, 4)
  const known = cookies.reduce<string>((shown, cookie, index) => shown.replace(cookie ?? '', `c${index + 1}`), text)
  assert.equal(
    known.slice(known.indexOf('frontend')),
    `frontend lb-1:tcp:80
  mode http
  bind 203.0.113.9:80
  tcp-request connection reject unless { src -f /d/${list} }
  timeout client 15s
  timeout http-keep-alive 15s
  timeout http-request 60s
  http-request set-header X-Forwarded-For "%[req.fhdr(X-Forwarded-For)], %[src]" if { req.hdr(X-Forwarded-For) -m found }
  option forwardfor if-none
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Port 80
  http-request set-header X-Forwarded-Client-srcport %[src_port]
  http-request set-header SLB-IP 203.0.113.9
  http-request set-header SLB-ID lb-1
  default_backend lb-1:tcp:80

backend lb-1:tcp:80
  mode http
  balance roundrobin
  source 100.64.0.1
  timeout server 60s
  timeout tunnel 60s
  cookie SERVERID insert indirect maxidle 500s
  filter compression
  compression algo gzip
  compression type text/xml text/plain text/css application/javascript application/x-javascript application/rss+xml application/atom+xml application/xml application/json
  server s1 192.168.1.1:30080 weight 100 cookie c1
  server s2 192.168.1.2:30080 weight 1 cookie c2 disabled
  server s3 127.0.0.1:1 weight 1 cookie c3 disabled
  server s4 127.0.0.1:1 weight 1 cookie c4 disabled
`,
  )
  assert.equal(servers.get('lb-1:tcp:80/s1')?.serving, true)
})

test('backends and weights are no reason to reload, everything else is', () => {
  const serving = new Set(['i-1:80'])
  const base = compileHaproxy([{ listener: LISTENER, serving }], SETTINGS)
  const skeleton = (change: Partial<ListenerPlan>, by = serving) =>
    compileHaproxy([{ listener: { ...LISTENER, ...change }, serving: by }], { ...SETTINGS, slots: base.slots }).skeleton
  const moved = { key: 'i-3:80', address: '192.168.1.3', port: 1, weight: 7 }
  assert.equal(skeleton({ backends: [moved] }), base.skeleton)
  assert.equal(skeleton({}, new Set()), base.skeleton)
  const many = Array.from({ length: 5 }, (_, n) => ({ ...moved, key: `i-${n}:80` }))
  for (const change of [{ port: 81 }, { acl: { type: 'black', cidrs: ['10.0.0.0/8'] } }, { backends: many }] as const) {
    assert.notEqual(skeleton(change), base.skeleton)
  }
})

test('who stays keeps the server slot; all have one; slots never shrink', () => {
  const key = fc.integer({ min: 0, max: 20 }).map((n) => `i-${n}`)
  const keys = fc.uniqueArray(key, { maxLength: 16 })
  fc.assert(
    fc.property(fc.array(keys, { minLength: 1, maxLength: 8 }), (steps) => {
      let slots: readonly (string | undefined)[] = []
      for (const wanted of steps) {
        const before = slots
        slots = assignServerSlots(before, wanted)
        assert.ok(slots.length >= before.length && slots.length >= 4)
        for (const one of wanted) {
          assert.equal(slots.filter((occupant) => occupant === one).length, 1)
          if (before.includes(one)) assert.equal(slots.indexOf(one), before.indexOf(one))
        }
      }
    }),
  )
})

test('what HAProxy prints is read back', () => {
  assert.deepEqual(
    parseStat('# pxname,svname,scur,\nweb,FRONTEND,3,\n\n').map((row) => [row.get('pxname'), row.get('scur')]),
    [['web', '3']],
  )
  const workers = `#<PID>          <type>          <reloads>       <uptime>        <version>
8744            master          2 [failed: 0]   0d00h00m01s     2.6.12-1+deb12u4
# workers
8758            worker          0               0d00h00m00s     2.6.12-1+deb12u4
# old workers
8746            worker          1               0d00h00m01s     2.6.12-1+deb12u4
# programs
`
  assert.deepEqual(parseWorkers(workers), { current: [8758], old: [8746] })
  const state = `1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port
3 web 1 s1 192.168.1.1 2 0 100 30080
3 web 2 s2 127.0.0.1 0 1 1 1
`
  const servers = parseServersState(state)
  assert.deepEqual(servers.get('web/s1'), { address: '192.168.1.1', port: 30080, weight: 100, serving: true })
  assert.equal(servers.get('web/s2')?.serving, false)
})

test('a server is told only what changed', () => {
  const state = { address: '192.168.1.1', port: 80, weight: 5, serving: true }
  assert.deepEqual(commandsFor('web/s1', state, state), [])
  assert.deepEqual(commandsFor('web/s1', { ...state, weight: 6, serving: false }, state), [
    'set server web/s1 weight 6',
    'set server web/s1 state maint',
  ])
  assert.deepEqual(commandsFor('web/s1', { ...state, address: '192.168.1.2' }, state), [
    'set server web/s1 addr 192.168.1.2 port 80',
  ])
})
