import { reference } from '@tersor/core-tensor'
import { describeEncoderOn, encoderFolders } from '../testing/index.ts'

for (const folder of encoderFolders) describeEncoderOn(folder, () => reference)
