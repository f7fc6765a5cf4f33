import { FairleadError } from '../../base/error.ts'
import { sharedImages } from '../../cluster/cluster-images.ts'
import { done, formatTable, print, say } from '../output.ts'

/** Gives a name to something that pods can run. */
export async function addImage(
  name: string,
  path: string,
  options: { readonly entrypoint?: readonly string[] },
): Promise<number> {
  const { entrypoint } = options
  const image = await sharedImages().add(name, path, entrypoint === undefined ? {} : { entrypoint })
  done(`image ${image.name} is ${image.kind === 'rootfs' ? 'the directory' : 'a copy of'} ${path}`)
  return 0
}

export function listImages(): number {
  const images = sharedImages().list()
  if (images.length === 0) say('There are no images; add one with: fairlead image add NAME PATH')
  else
    print(
      formatTable(
        ['NAME', 'KIND', 'FROM', 'ADDED'],
        images.map(({ name, kind, path, addedAt }) => [name, kind, path, addedAt]),
      ),
    )
  return 0
}

export function removeImage(name: string): number {
  if (!sharedImages().remove(name)) throw new FairleadError('NOT_FOUND', `There is no image ${name}`)
  done(`image ${name} is forgotten`)
  return 0
}
