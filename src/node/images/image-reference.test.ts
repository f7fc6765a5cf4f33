import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatReference, lookupNames, parseReference, storedName } from './image-reference.ts'

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`

describe('image names', () => {
  const full: readonly [string, string][] = [
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.27-alpine', 'docker.io/library/nginx:1.27-alpine'],
    ['team/web', 'docker.io/team/web:latest'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/library/nginx', 'docker.io/library/nginx:latest'],
    ['localhost/web', 'localhost/web:latest'],
    ['registry.example:5000/a/b/c:v1', 'registry.example:5000/a/b/c:v1'],
    ['localhost:5000/web', 'localhost:5000/web:latest'],
    [`nginx@${digest}`, `docker.io/library/nginx@${digest}`],
    [`nginx:1@${digest}`, `docker.io/library/nginx@${digest}`],
  ]
  for (const [short, long] of full) {
    test(`${short} is ${long}`, () => {
      const reference = parseReference(short)
      assert.ok(reference)
      assert.equal(formatReference(reference), long)
    })
  }

  for (const bad of [
    '',
    ' ',
    'Nginx',
    'a//b',
    '/a',
    'a/',
    'a:b:c',
    'a@sha256:12',
    '../a',
    'a b',
    `${'a'.repeat(600)}`,
  ]) {
    test(`"${bad.slice(0, 20)}" is none`, () => assert.equal(parseReference(bad), undefined))
  }

  test('the full name means the same image', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}$/)
    const registry = fc.constantFrom('', 'docker.io/', 'localhost:5000/', 'r.example/')
    const tag = fc.option(fc.stringMatching(/^[\w][\w.-]{0,8}$/), { nil: undefined })
    fc.assert(
      fc.property(registry, fc.array(part, { minLength: 1, maxLength: 3 }), tag, (host, path, version) => {
        const reference = parseReference(`${host}${path.join('/')}${version === undefined ? '' : `:${version}`}`)
        assert.ok(reference)
        const again = parseReference(formatReference(reference))
        assert.ok(again)
        assert.deepEqual(lookupNames(again), lookupNames(reference))
      }),
    )
  })

  test('a name that was added without a tag stands for every tag, one with a tag for that tag only', () => {
    const names = (text: string) => lookupNames(parseReference(text)!)
    assert.ok(names('web:1.2').includes(storedName(parseReference('web')!)))
    assert.ok(names(`web@${digest}`).includes(storedName(parseReference('web')!)))
    assert.ok(names('web').includes(storedName(parseReference('docker.io/library/web:latest')!)))
    assert.ok(!names('web:1.2').includes(storedName(parseReference('web:1.3')!)))
    assert.ok(!names('other.example/web').includes(storedName(parseReference('web')!)))
  })
})
