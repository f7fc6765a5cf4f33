import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EMPTY_CONFIG, type Image } from './image.ts'
import { createImages, type ImageSource } from './image-resolver.ts'

const builtin = { builtinDirectory: '/dist/images', nodePath: '/usr/bin/node' }

function added(names: Record<string, string>): ImageSource {
  return {
    find(name) {
      const path = names[name]
      if (path === undefined) return undefined
      return { kind: 'rootfs', name, id: path, root: { kind: 'directory', path }, config: EMPTY_CONFIG } satisfies Image
    },
  }
}

describe('finding an image', () => {
  test('the echo server is a bundled program under Node.js', () => {
    const found = createImages([], builtin).resolve('fairlead/echo')
    assert.ok(found.kind === 'found')
    assert.equal(found.image.kind, 'builtin')
    assert.deepEqual(found.image.config.entrypoint, ['/fairlead/node', '/fairlead/echo.mjs'])
    assert.equal(found.image.notice, undefined)
  })

  test('the client sleeps', () => {
    const found = createImages([], builtin).resolve('fairlead/client:latest')
    assert.ok(found.kind === 'found')
    assert.equal(found.image.config.command[0], '/bin/sh')
  })

  test('a well-known server is replaced, and that is said', () => {
    const found = createImages([], builtin).resolve('hashicorp/http-echo:1.0')
    assert.ok(found.kind === 'found')
    assert.equal(found.image.kind, 'known')
    assert.equal(found.image.name, 'docker.io/hashicorp/http-echo:1.0')
    assert.match(found.image.notice ?? '', /fairlead image add docker.io\/hashicorp\/http-echo:1.0 PATH/)
    assert.ok(found.image.config.env.includes('FAIRLEAD_DEFAULT_PORT=5678'))
  })

  test('what was added comes first, the nearer store and the exact tag before the others', () => {
    const near = added({ 'docker.io/library/nginx': '/near-any' })
    const far = added({ 'docker.io/library/nginx:1': '/far-1', 'docker.io/library/nginx': '/far-any' })
    const images = createImages([near, far], builtin)
    const idOf = (name: string) => {
      const found = images.resolve(name)
      return found.kind === 'found' ? found.image.id : found.kind
    }
    assert.equal(idOf('nginx:1'), '/far-1')
    assert.equal(idOf('nginx:2'), '/near-any')
  })

  test('for an unknown one it is said how to add it', () => {
    const found = createImages([], builtin).resolve('team/web:2')
    assert.ok(found.kind === 'missing')
    assert.match(found.message, /fairlead image add team\/web:2 PATH/)
  })

  test('what is no name is invalid', () => {
    assert.equal(createImages([], builtin).resolve('Web Server').kind, 'invalid')
  })
})
