/**
 * UpdateFeatures, v0–v2. v1 upgrade types and validateOnly (KIP-778), v2 without results per feature
 * (KIP-1022). Decided by the controller on shard 0 for all features or none, see
 * coordinator/controller/feature-updates.ts.
 */
import {
  UpdateFeaturesRequest,
  UpdateFeaturesResponse,
} from '../../engine/protocol/57-update-features.ts'
import type { Handler } from '../handler.ts'
import { forwardControl } from './forward-control.ts'

export const updateFeaturesHandler: Handler<UpdateFeaturesRequest, UpdateFeaturesResponse> = {
  apiKey: 57,
  versions: [0, 2],
  pipelined: false,
  request: UpdateFeaturesRequest,
  response: UpdateFeaturesResponse,
  handle: (context, request) =>
    forwardControl(context, UpdateFeaturesRequest, UpdateFeaturesResponse, request),
}
