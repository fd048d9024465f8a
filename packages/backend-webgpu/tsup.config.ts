import { packageBuild } from '../../tooling/config/tsup.ts'

export default packageBuild(import.meta.dirname)
