"""The decline classes by name, for what is asked in every event: a global costs a tenth of an enum's member."""

from schemas.decisions import DeclineClass

NEVER = DeclineClass.NEVER
FIX_DATA = DeclineClass.FIX_DATA
NEEDS_CUSTOMER = DeclineClass.NEEDS_CUSTOMER
RECONCILE = DeclineClass.RECONCILE
TECHNICAL = DeclineClass.TECHNICAL
