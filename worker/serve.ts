// Hands a request to the plane it is for.

import { handleControl } from './control-plane/handle-control.ts';
import { isControlPlane } from './control-prefix.ts';
import { handleRequest } from './data-plane/handle-request.ts';
import type { Edge } from './edge.ts';

export function serve(request: Request, edge: Edge, context: ExecutionContext): Response | Promise<Response> {
  return isControlPlane(request.url, edge.env)
    ? handleControl(request, edge, context)
    : handleRequest(request, edge, context);
}
