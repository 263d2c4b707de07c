(component (import "attune:plugin/log@9.0.0" (instance)))
