import { collection } from '../state/collection.ts'
import type { Call, Product } from './product.ts'

interface Thing {
  readonly id: string
  readonly size: number
}

const THINGS = collection<Thing>('test.things')

/** A product with two actions, for tests of what all products share. */
export function testProduct(version: string): Product {
  return {
    name: 'Test',
    version,
    ramPrefix: 'test',
    forbidden: 'Forbidden.RAM',
    resourceParameters: ['ThingId'],
    actions: new Map([
      ['CreateThing', createThing],
      ['DescribeThings', ({ transaction }: Call) => ({ Things: { Thing: transaction.list(THINGS) } })],
    ]),
  }
}

function createThing({ parameters, transaction }: Call): object {
  const size = parameters.requiredInteger('Size', { min: 1, max: 10 })
  const id = `thing-${transaction.list(THINGS).length + 1}`
  transaction.put(THINGS, id, { id, size })
  return {
    ThingId: id,
    Tags: parameters.objects('Tag').map((tag) => ({ Key: tag.string('Key'), Value: tag.string('Value') })),
  }
}
