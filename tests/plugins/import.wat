(component (import "evil:host/x" (instance)))
