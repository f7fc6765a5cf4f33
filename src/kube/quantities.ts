import { parseQuantity, quantityMilliValue, quantityValue } from './quantity.ts'

/** Amounts by resource name, in numbers that can be added: CPU in thousandths of a core, all else in whole units. */
export function parseQuantities(amounts: Readonly<Record<string, string>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(amounts).map(([name, text]) => {
      const quantity = parseQuantity(text)
      return [name, name === 'cpu' ? quantityMilliValue(quantity) : quantityValue(quantity)]
    }),
  )
}
