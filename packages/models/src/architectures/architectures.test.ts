import { architectureRows } from '../testing/architecture-rows.ts'
import { describeArchitecture } from '../testing/describe-architecture.ts'

for (const row of architectureRows) describeArchitecture(row)
