// Which of three kinds of device a client says it is, for routes whose origins answer them differently: coarse on
// purpose, since each class is stored for itself.

export type DeviceClass = 'mobile' | 'tablet' | 'desktop';

const TABLET = /ipad|tablet|kindle|silk\/|playbook|android(?!.*\bmobile\b)/i;
const MOBILE = /\bmobile\b|iphone|ipod|windows phone|blackberry|opera mini/i;

/** By the User-Agent field; what says nothing is a desktop. O(length). */
export function deviceClass(userAgent: string): DeviceClass {
  if (TABLET.test(userAgent)) return 'tablet';
  return MOBILE.test(userAgent) ? 'mobile' : 'desktop';
}
