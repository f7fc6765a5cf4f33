import { type Cel, celPackage, type Environment } from './engine.ts'
import { registerFormatFunctions } from './format-functions.ts'
import { registerListFunctions } from './list-functions.ts'
import { registerOptionalMacros } from './macros.ts'
import { registerNetworkFunctions } from './network-functions.ts'
import { registerQuantityFunctions } from './quantity-functions.ts'
import { registerTextFunctions } from './text-functions.ts'

let base: Environment | undefined

/** A new environment with what rules of Kubernetes can call, and no variables. `loadCel` must be done. */
export function ruleEnvironment(): Environment {
  base ??= makeBase(celPackage())
  return base.clone()
}

function makeBase(cel: Cel): Environment {
  const environment = new cel.Environment({
    enableOptionalTypes: true,
    // Texts are formatted with lists of any values; cel-go excepts those alone.
    homogeneousAggregateLiterals: false,
    limits: { maxListElements: 10_000 },
  })
  registerTextFunctions(environment)
  registerListFunctions(environment)
  registerNetworkFunctions(environment)
  registerQuantityFunctions(environment)
  registerFormatFunctions(environment, cel)
  registerOptionalMacros(environment, cel)
  return environment
}
