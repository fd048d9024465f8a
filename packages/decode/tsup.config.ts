import { packageBuild } from '../../config/tsup.ts'

export default packageBuild(import.meta.dirname)
