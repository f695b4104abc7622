package values

import "time"

// Sample is a value that WeChat takes for a key, to begin with: the first of those allowed, where
// it is known which are.
func Sample(key string, allowed []string, now time.Time) string {
	if len(allowed) > 0 {
		return allowed[0]
	}
	now = now.In(time.FixedZone("Beijing", 8*60*60))
	switch typeOf(key) {
	case "character_string":
		return "A2026113001"
	case "phone_number":
		return "13800000000"
	case "car_number":
		return "粤A12345"
	case "phrase", "symbol":
		return map[string]string{"phrase": "已确认", "symbol": "#"}[typeOf(key)]
	case "number":
		return "1"
	case "letter":
		return "A"
	case "amount":
		return "9.90元"
	case "name":
		return "李雷"
	case "date":
		return now.Format("2006-01-02")
	case "time":
		return now.Format("2006-01-02 15:04")
	}
	return "示例"
}
