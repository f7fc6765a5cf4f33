import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ReadyKeys } from './ready-keys.ts'

test('the most urgent key comes first, of those the one that came first, each once', () => {
  const key = fc.tuple(fc.nat(20), fc.nat(3)).map(([name, priority]) => `${priority}/${name}`)
  const priorityOf = (text: string) => Number(text.split('/')[0])
  fc.assert(
    fc.property(fc.array(fc.option(key)), (steps) => {
      const keys = new ReadyKeys(priorityOf)
      const model: string[] = []
      for (const step of steps) {
        if (step !== null) {
          keys.add(step)
          if (!model.includes(step)) model.push(step)
        } else {
          const highest = Math.max(...model.map(priorityOf))
          const at = model.findIndex((each) => priorityOf(each) === highest)
          assert.equal(keys.take(), at < 0 ? undefined : model.splice(at, 1)[0])
        }
        assert.equal(keys.size, model.length)
      }
    }),
  )
})
